// The words by which training code names metrics, steps and epochs, whole or as a part of a longer name
// ("val_loss", "train/grad_norm", "lm loss").
#pragma once

#include <string_view>

namespace redflag::daemon::local {

// All take small letters.
bool is_metric_name(std::string_view name);
bool is_step_name(std::string_view name);
bool is_epoch_name(std::string_view name);
/// A part of it says of what phase it is: "train", "val", "test", …
bool names_a_phase(std::string_view name);
/// It is such a word and nothing else.
bool is_phase(std::string_view name);
/// A part of it is a loss, a gradient norm, an accuracy or a perplexity: no row of a training is without. Not
/// so what is set and not measured: "loss_weight", "grad_clip".
bool names_a_core_metric(std::string_view name);

}  // namespace redflag::daemon::local
