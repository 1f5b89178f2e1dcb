// How a child of ours stays out of the training's way.
#pragma once

namespace redflag::daemon {

/// Nice 19, idle I/O class, first to be killed when memory runs out. Best effort, and async-signal-safe: it
/// may be called between fork and exec.
void give_way();

}  // namespace redflag::daemon
