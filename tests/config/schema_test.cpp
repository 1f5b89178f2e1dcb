// Every key of the table, by walking it: nothing here has to be extended when a key is added.
#include "daemon/config/schema.h"

#include <memory>

#include <fmt/format.h>

#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace redflag::daemon::settings;

namespace {

struct Leaf {
  std::string path;
  const Key* key;
  std::string before;  // YAML around the value: before + "KEY: VALUE" + after
  std::string after;
};

void leaves(const Section& section, const std::string& prefix, const std::string& before,
            const std::string& after, std::vector<Leaf>& into) {
  for (const Key& key : section.keys) {
    const std::string path = prefix + std::string(key.name);
    const std::string open = before + std::string(key.name) + ": ";
    if (key.kind == Kind::section) {
      leaves(*key.section, path + ".", open + "{", "}" + after, into);
    } else if (key.kind == Kind::section_list) {
      for (const Key& inner : key.section->keys) {
        // The siblings that an item needs.
        std::string siblings;
        if (key.section->find("project") != nullptr && inner.name != "project") siblings += "project: p, ";
        if (key.section->find("entity") != nullptr && inner.name != "entity") siblings += "entity: e, ";
        for (const char* needed : {"source", "target"}) {
          if (key.section->find(needed) != nullptr && inner.name != needed)
            siblings += fmt::format("{}: [rule=x], ", needed);
        }
        if (key.section->find("type") != nullptr && inner.name != "type") {
          const std::string type(inner.only_for.empty() ? "log" : inner.only_for.front());
          siblings += "type: " + type + ", ";
          if (type == "slack_bot" && inner.name != "channel") siblings += "channel: C0123456789, ";
          if (type == "alertmanager" && inner.name != "url") siblings += "url: \"http://am:9093\", ";
          if (type == "mail" && inner.name != "to") siblings += "to: [alice@example.org], ";
        }
        Section one({inner});
        static std::vector<std::unique_ptr<Section>> kept;
        kept.push_back(std::make_unique<Section>(std::move(one)));
        leaves(*kept.back(), path + "[].", open + "[{" + siblings, "}]" + after, into);
      }
    } else {
      into.push_back({path, &key, before, after});
    }
  }
}

std::vector<Leaf> all_leaves() {
  std::vector<Leaf> all;
  for (const Key& top : schema().keys) {
    leaves(*top.section, std::string(top.name) + ".", std::string(top.name) + ": {", "}", all);
  }
  return all;
}

std::string with(const Leaf& leaf, const std::string& value) {
  return fmt::format("{}{}: {}{}\n", leaf.before, leaf.key->name, value, leaf.after);
}

}  // namespace

TEST_CASE("Every key accepts its own default, and the value survives", "[config][schema]") {
  const std::vector<Leaf> all = all_leaves();
  REQUIRE(all.size() > 40);
  for (const Leaf& leaf : all) {
    if (leaf.key->fallback.empty()) continue;
    if (leaf.path == "wandb.projects[].entity") continue;  // its default is "take it from the environment"
    // Those that their type cannot do without.
    if (leaf.path == "alerts.receivers[].channel" || leaf.path == "alerts.receivers[].to") continue;
    INFO(with(leaf, std::string(leaf.key->fallback)));
    CHECK(complaints(with(leaf, std::string(leaf.key->fallback))).empty());
  }
}

TEST_CASE("Every key refuses a value of another type and says which key it was", "[config][schema]") {
  for (const Leaf& leaf : all_leaves()) {
    const bool map = leaf.key->kind == Kind::scalar_map || leaf.key->kind == Kind::alias_map;
    for (const std::string& wrong :
         map ? std::vector<std::string>{"[a]", "word"} : std::vector<std::string>{"{a: b}", "[[a]]"}) {
      const std::string text = with(leaf, wrong);
      INFO(text);
      CHECK_THAT(complaints(text), ContainsSubstring(fmt::format(".{}", leaf.key->name)));
    }
    if (leaf.key->kind == Kind::text || leaf.key->kind == Kind::path || leaf.key->kind == Kind::text_list ||
        map)
      continue;
    INFO(leaf.path);
    CHECK_FALSE(complaints(with(leaf, "\"certainly wrong\"")).empty());
  }
}

TEST_CASE("Every range refuses what lies just outside of it", "[config][schema]") {
  int ranges = 0;
  for (const Leaf& leaf : all_leaves()) {
    if (leaf.key->minimum.empty()) continue;
    ++ranges;
    INFO(leaf.path);
    const bool timed = leaf.key->kind == Kind::duration;
    CHECK_FALSE(complaints(with(leaf, timed                          ? "36000d"
                                      : leaf.key->kind == Kind::size ? "4000TiB"
                                                                     : "1000000"))
                    .empty());
    if (leaf.key->minimum != "0s")
      CHECK_FALSE(complaints(with(leaf, timed ? "0s" : leaf.key->kind == Kind::size ? "0B" : "0")).empty());
  }
  CHECK(ranges > 10);
}

TEST_CASE("Every choice offers the right word for a misspelt one", "[config][schema]") {
  for (const Leaf& leaf : all_leaves()) {
    if (leaf.key->kind != Kind::choice) continue;
    for (const std::string_view word : leaf.key->choices) {
      std::string wrong(word);
      std::swap(wrong[0], wrong[1]);
      INFO(leaf.path << ": " << wrong);
      CHECK_THAT(complaints(with(leaf, wrong)), ContainsSubstring(fmt::format("did you mean \"{}\"?", word)));
    }
  }
}

TEST_CASE("Every key of a section is found again when one letter of it is missing", "[config][schema]") {
  for (const Leaf& leaf : all_leaves()) {
    if (leaf.key->name.size() < 5) continue;
    Key wrong = *leaf.key;
    const std::string name = std::string(leaf.key->name.substr(0, 2)) + std::string(leaf.key->name.substr(3));
    const std::string text = fmt::format("{}{}: 1{}\n", leaf.before, name, leaf.after);
    INFO(text);
    CHECK_THAT(complaints(text), ContainsSubstring(fmt::format("did you mean \"{}\"?", leaf.key->name)));
  }
}

TEST_CASE("The reference and the example name every key", "[config][reference]") {
  const std::string reference = config_reference();
  const std::string example = config_example();
  for (const Leaf& leaf : all_leaves()) {
    INFO(leaf.path);
    CHECK(reference.find("`" + leaf.path + "`") != std::string::npos);
    const bool in_list = leaf.path.find("[]") != std::string::npos;
    if (!in_list && !leaf.key->advanced)
      CHECK(example.find(fmt::format("#{}: ", leaf.key->name)) != std::string::npos);
  }
}

TEST_CASE("The example is a valid file, as it is and with every line switched on", "[config][reference]") {
  const std::string example = config_example();
  CHECK(describe(accepted(example)).substr(60) == describe(accepted("")).substr(60));
  std::string active;
  int switched = 0;
  for (std::size_t i = 0; i < example.size(); ++i) {
    const bool key_line =
        example[i] == '#' && i + 1 < example.size() && example[i + 1] != ' ' && example[i + 1] != '\n';
    if (key_line)
      ++switched;
    else
      active += example[i];
  }
  INFO(active);
  CHECK(switched > 25);
  CHECK(complaints(active).empty());
  const Config config = accepted(active);
  CHECK(config.wandb.projects.at(0).entity == "my-team");
  CHECK(config.alerts.receivers.size() == 2);
  CHECK(config.metrics.aliases.at(0).second.at(1).scale == 0.01);
}

TEST_CASE("What describe() prints, read again, gives the same configuration", "[config][describe]") {
  const auto without_comments = [](const std::string& text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      plain += line.substr(0, line.find("  #")) + "\n";
      at = end + 1;
    }
    return plain.substr(plain.find('\n'));
  };
  for (const std::string& text :
       {std::string(), config_example(),
        std::string(
            "wandb: {projects: [a/b, {entity: c, project: \"12\", runs: {tags: [\"x: y\", \"*\", \"null\", "
            "\"1e3\"], config: {seed: 42, "
            "lr: 1.0, name: \"42\", on: true}}}]}\nalerts: {receivers: [{type: slack, mention: "
            "\"<!here>\"}]}\n"
            "metrics: {aliases: {train_loss: [{name: \"a b\", scale: 1e-3}]}}\nnetwork: {proxy: none, "
            "no_proxy: [a, b]}\n"
            "results: {roots: [rel/dir, ~/x, /y/]}\nlog: {file: journal}\nstore: {retention: 1d12h}\n")}) {
    const std::string first = describe(accepted(text));
    const std::string second = describe(accepted(first));
    CHECK(without_comments(first) == without_comments(second));
  }
}
