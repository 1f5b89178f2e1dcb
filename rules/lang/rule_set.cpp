#include "rules/lang/rule_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/lang/fnv.h"
#include "rules/lang/pack_reader.h"

namespace redflag {
namespace {

constexpr std::string_view kLanguageVersion = "redflag rules 1";

std::string hash_of(const std::vector<RuleSource>& sources) {
  Fnv one;
  Fnv two(0x9e3779b97f4a7c15ULL);
  one.add(kLanguageVersion);
  two.add(kLanguageVersion);
  for (const RuleSource& source : sources) {
    one.add(source.pack).add(source.text);
    two.add(source.text).add(source.pack);
  }
  return fmt::format("{:016x}{:016x}", one.value(), two.value());
}

std::map<std::string, MetricNeed> needs_of(const CompiledRules& compiled) {
  std::map<std::string, MetricNeed> needs;
  for (const KindTable& table : compiled.kinds) {
    for (const CompiledRule& rule : table.rules) {
      for (const std::uint32_t slot : rule.metrics) {
        MetricNeed& need = needs[table.slots[slot].name];
        for (const WindowPlan& plan : table.slots[slot].windows) {
          switch (plan.spec.unit) {
            case WindowUnit::whole:
              need.whole_attempt = true;
              break;
            case WindowUnit::points:
              need.points = std::max(need.points, plan.spec.size);
              break;
            case WindowUnit::steps:
              need.steps = std::max(need.steps, plan.spec.size);
              break;
            case WindowUnit::time:
              need.time = std::max(need.time, Duration(plan.spec.size));
              break;
          }
        }
      }
    }
  }
  return needs;
}

}  // namespace

RuleSet::RuleSet(std::vector<RuleInfo> rules, std::unique_ptr<CompiledRules> compiled, std::string hash)
    : rules_(std::move(rules)),
      compiled_(std::move(compiled)),
      metrics_(needs_of(*compiled_)),
      hash_(std::move(hash)) {}

RuleSet::~RuleSet() = default;

const RuleInfo* RuleSet::find(std::string_view name) const {
  const auto found =
      std::find_if(rules_.begin(), rules_.end(), [&](const RuleInfo& rule) { return rule.name == name; });
  return found == rules_.end() ? nullptr : &*found;
}

std::shared_ptr<const RuleSet> RuleSet::load(const std::vector<RuleSource>& sources,
                                             const LoadOptions& options, Diagnostics& diagnostics) {
  auto compiled = std::make_unique<CompiledRules>();
  // Runs end whether or not a rule asks: the engine always knows these two.
  compiled->of(SubjectKind::run).slot("ended");
  compiled->of(SubjectKind::run).slot("state");
  for (KindTable& table : compiled->kinds) table.slot("name");

  PackContext context;
  context.options = &options;
  context.compiled = compiled.get();
  context.out = &diagnostics;
  std::vector<std::unique_ptr<PackReader>> readers;
  for (const RuleSource& source : sources) readers.push_back(std::make_unique<PackReader>(source, context));
  for (const auto& reader : readers) reader->read_definitions();
  for (const auto& reader : readers) reader->read_rules();
  if (!diagnostics.empty()) return nullptr;
  return std::make_shared<const RuleSet>(std::move(context.rules), std::move(compiled), hash_of(sources));
}

Result<std::shared_ptr<const RuleSet>> RuleSet::load(const std::vector<RuleSource>& sources,
                                                     const LoadOptions& options) {
  Diagnostics diagnostics;
  auto rules = load(sources, options, diagnostics);
  if (rules == nullptr) {
    std::string text = diagnostics.render();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return fail(ErrorCode::invalid_input, "loading rules", std::move(text), "correct the rule file");
  }
  return rules;
}

}  // namespace redflag
