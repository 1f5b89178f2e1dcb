"""The faults and their sizes. Fixed, and committed, before redflag was first run on them; what is not found stays in."""

STEPS = 600  # of a run
STEPS_PER_SECOND = 15
LOG_EVERY = 2  # steps
EVAL_EVERY = 50
SAVE_EVERY = 100
FAULT_AT = 300  # every fault comes with this step: half of the run is healthy

LEARNING_RATE_FACTOR = 1000
STALL_SECONDS = 660
KEPT_OF_CHECKPOINT = 0.5
DISK_BYTES = 16 << 20  # of the file system that fills up; a run's six checkpoints take a fifth of it

# How long a fault is waited for that nothing tells of at once: what the shipped rules take ten minutes for gets them.
WATCHED_SECONDS = {"loader_stalled": STALL_SECONDS + 60, "killed": 660}
WATCHED_SECONDS_OTHERS = 60

# name: what is done, from FAULT_AT on unless it says once
FAULTS = {
    "loader_stalled": f"the data loader gives nothing for {STALL_SECONDS} s, once",
    "killed": "SIGKILL, once",
    "learning_rate": f"learning rate x {LEARNING_RATE_FACTOR:,}",
    "nan_batch": "one NaN among the inputs of one sample of one batch, once",
    "labels_shuffled": "the labels of every training batch in random order",
    "step_skipped": "optimizer.step() is not called, the scheduler goes on",
    "accumulation": "zero_grad() is not called: gradients pile up over steps",
    "frozen_layer": "one of the two encoder layers no longer requires gradients",
    "disk_quota": "the results' file system is full to the last byte",
    "checkpoint_cut": f"the weights saved at that step are cut to {KEPT_OF_CHECKPOINT:.0%}, once",
}
