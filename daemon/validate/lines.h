// The lines, section by section. Each is pure and reads nothing but the case file.
#pragma once

#include <initializer_list>
#include <vector>

#include "daemon/validate/case_file.h"
#include "daemon/validate/checklist.h"
#include "daemon/validate/rule_groups.h"

namespace redflag::daemon::validate {

std::vector<Line> training_lines(const CaseFile& file);                     ///< V1 to V5
std::vector<Line> performance_lines(const CaseFile& file, Checklist& out);  ///< V6 to V10
std::vector<Line> representation_lines(const CaseFile& file);               ///< V11 to V15
std::vector<Line> checkpoint_lines(const CaseFile& file);                   ///< V16 to V19
std::vector<Line> red_flag_lines(const CaseFile& file);                     ///< V20 to V24

class LineBuilder;

// What several sections ask.

/// Says of each alert of the group that it fires (or fired when its run ended); of one that counts as a
/// failure.
void note_flags(const CaseFile& file, RuleGroup group, LineBuilder& line);
/// Every task asked for has a run that counts; a hole for each that has none, and for those left out by
/// --task.
void want_tasks(const CaseFile& file, LineBuilder& line);
/// A run that still goes on, or whose curves were not given, is a hole. True: its curves can be looked at.
bool look_at_run(const CountingRun& run, LineBuilder& line);
/// The curve has at least `least` points and reaches to the run's end (as far as that is known); else a hole
/// and nullptr.
const Curve* look_at_curve(const CountingRun& run, std::string_view metric, std::size_t least,
                           std::string_view advice, LineBuilder& line);
/// W&B is there and fresh, as V1 asks; false: holes or failures were noted.
void look_at_wandb(const CaseFile& file, LineBuilder& line);
/// Every results directory is there, was read whole and is watched without limits; else holes (a vanished
/// one: a failure). False: nothing about files can be proven.
bool look_at_results(const CaseFile& file, LineBuilder& line);
/// Somebody has looked inside the files; else a hole. The same of forward passes.
bool look_at_contents(const CaseFile& file, LineBuilder& line);
bool look_at_forward(const CaseFile& file, LineBuilder& line);

/// A hole for each task that --task leaves out.
void note_left_out(const CaseFile& file, LineBuilder& line);

// Of a step or checkpoint directory; true: all is well.

/// What the results source says of it and of each of its files.
bool judge_verdicts(const Directory& directory, const char* advice, LineBuilder& line);
/// What was found inside: each of `kinds` (content_facts.h) has to be "none"; no word is a hole.
bool judge_inside(const FactView& facts, std::initializer_list<const char*> kinds, const char* advice,
                  LineBuilder& line);
/// None of its files failed to load, or asks for code to be run.
bool judge_loading(const Directory& directory, const char* advice, LineBuilder& line);
/// "warning" or "critical".
bool is_trouble(std::string_view word);

Remark about_run(const CountingRun& run, std::string words, std::int64_t step = -1,
                 std::optional<double> value = std::nullopt);
Remark about_path(const FactView& facts, std::string words);

}  // namespace redflag::daemon::validate
