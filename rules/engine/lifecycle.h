// One rule for one subject: inactive → pending → firing → resolved or closed. Given the truth of each level
// it decides what changed, and writes the transition with its words and evidence.
#pragma once

#include <string>
#include <vector>

#include "rules/engine/evaluate.h"
#include "rules/engine/subject_state.h"

namespace redflag {

/// What made the engine look at a rule.
struct Moment {
  Time time;
  std::int64_t step = -1;
  bool counts =
      false;  ///< a row or fact that carries something the rule reads: `for: 3 points` goes on by one
};

class Lifecycle {
 public:
  Lifecycle(const CompiledRules& rules, Evaluator& evaluator) : rules_(rules), evaluator_(evaluator) {}

  /// Evaluates rule `number` of the subject's kind. Returns true when something that has to be kept changed.
  bool evaluate(SubjectState& subject, std::uint32_t number, const Moment& moment,
                std::vector<Transition>& out);

  /// Ends it without knowing that the trouble is over: firing becomes closed, pending inactive. True when
  /// there was any.
  bool close(SubjectState& subject, std::uint32_t number, Time time, const std::string& reason,
             std::vector<Transition>& out);

 private:
  bool warm(const SubjectState& subject, const CompiledRule& rule, const Moment& moment) const;
  static bool update_hold(Hold& hold, const std::optional<WindowSpec>& spec, Tri truth, const Moment& moment);
  Transition transition(const SubjectState& subject, const CompiledRule& rule, const Instance& instance,
                        AlertState to, const Moment& moment) const;
  void speak(const SubjectState& subject, const CompiledRule& rule, const CompiledLevel& level,
             Instance& instance, const Moment& moment, Transition& change);
  void add_evidence(const SubjectState& subject, const CompiledRule& rule, Transition& change) const;
  bool still_firing(SubjectState& subject, const CompiledRule& rule, const std::vector<Tri>& truths,
                    Instance& instance, const Moment& moment, std::vector<Transition>& out);

  const CompiledRules& rules_;
  Evaluator& evaluator_;
  std::vector<Tri> truths_;
};

/// The alert's id: 16 hex digits, the same after a restart and on another machine.
std::string alert_id(const CompiledRule& rule, const SubjectState& subject, std::uint32_t attempt, Time since,
                     std::int64_t since_step);

/// Fills the placeholders.
std::string render_message(const MessageTemplate& message, const CompiledRule& rule,
                           const SubjectState& subject, const Transition& change, Evaluator& evaluator);

}  // namespace redflag
