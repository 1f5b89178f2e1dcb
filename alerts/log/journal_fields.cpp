#include "alerts/log/journal_fields.h"

#include "alerts/group.h"
#include "alerts/text/words.h"

namespace redflag::alerts {

std::vector<std::pair<std::string, std::string>> journal_fields(const Notification& n) {
  std::vector<std::pair<std::string, std::string>> fields;
  const auto add = [&fields](const char* name, std::string_view value) {
    if (!value.empty()) fields.emplace_back(std::string("REDFLAG_") + name, value);
  };
  add("KIND", to_string(n.kind));
  add("SEVERITY", to_string(n.severity));
  if (!about_alert(n)) {
    add("TITLE", n.title);
    return fields;
  }
  const Transition& t = n.transitions.front();
  add("ALERT_ID", t.id);
  add("RULE", t.rule);
  add("PACK", t.pack);
  add("RUN", n.run.name);
  add("RUN_KEY", t.run);
  add("SUBJECT_KIND", to_string(t.subject.kind));
  add("SUBJECT", t.subject.key);
  if (t.step >= 0) add("STEP", std::to_string(t.step));
  if (t.value) add("VALUE", number_words(*t.value));
  add("TASK", n.run.task);
  add("METHOD", n.run.method);
  add("SEED", n.run.seed);
  add("HINT", t.hint);
  return fields;
}

}  // namespace redflag::alerts
