// docs/api.md is held against the code: each example is run, in order, and what the page shows has to be the
// answer. REDFLAG_WRITE_DOCS=1 writes the answers into the page instead.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/api/api_helpers.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::test;
using Json = nlohmann::ordered_json;

namespace {

const std::string kPage = REDFLAG_SOURCE_DIR "/docs/api.md";
constexpr const char* kElision = "…";  // a key that stands for all that is not shown

/// What is shown of `actual` when the page shows `documented`.
Json shown(const Json& actual, const Json& documented) {
  if (actual.is_array() && documented.is_array()) {
    Json all = Json::array();
    for (std::size_t i = 0; i < actual.size(); ++i)
      all.push_back(i < documented.size() ? shown(actual[i], documented[i]) : actual[i]);
    return all;
  }
  if (!actual.is_object() || !documented.is_object()) return actual;
  const bool partly = documented.contains(kElision);
  Json object = Json::object();
  for (const auto& item : actual.items()) {
    const auto there = documented.find(item.key());
    if (there != documented.end()) {
      object[item.key()] = shown(item.value(), *there);
    } else if (!partly) {
      object[item.key()] = item.value();
    }
  }
  if (partly) object[kElision] = documented[kElision];
  return object;
}

/// A shell's words: spaces part them, single quotes keep them together.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  bool any = false;
  for (const char c : line + " ") {
    if (c == '\'') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any || !word.empty()) words.push_back(word);
      word.clear();
      any = false;
    } else {
      word += c;
    }
  }
  return words;
}

/// "$ api PATH [-X METHOD] [-d BODY]  # STATUS"
Said run(Asked& api, const std::string& line) {
  const std::vector<std::string> words = words_of(line.substr(2));
  std::string method;
  std::string body;
  int status = 200;
  for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
    if (words[i] == "-X") method = words[i + 1];
    if (words[i] == "-d") body = words[i + 1];
    if (words[i] == "#") status = std::stoi(words[i + 1]);
  }
  if (method.empty()) method = body.empty() ? "GET" : "POST";
  Said said = api.ask(method, words.at(1), body);
  INFO(line << "\n" << said.json.dump());
  CHECK(said.status == status);
  return said;
}

/// Lists of numbers on one line: a curve is one thing.
std::string pretty(const Json& json) {
  std::string text = json.dump(2);
  for (std::size_t at = text.find("[\n"); at != std::string::npos; at = text.find("[\n", at + 1)) {
    const std::size_t end = text.find(']', at);
    const std::string inside = text.substr(at + 1, end - at - 1);
    if (inside.find_first_of("{[") != std::string::npos) continue;
    std::string line;
    bool blank = false;
    for (const char c : inside) {
      if (c == '\n') {
        blank = true;
      } else if (c != ' ' || !blank) {
        if (blank && !line.empty()) line += ' ';
        blank = false;
        line += c;
      }
    }
    text.replace(at + 1, end - at - 1, line);
  }
  return text;
}

}  // namespace

TEST_CASE("Every example of docs/api.md is what the API answers", "[api][docs]") {
  std::istringstream page(read_file(kPage));
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);) lines.push_back(line);
  const bool write = std::getenv("REDFLAG_WRITE_DOCS") != nullptr;
  Asked api;
  std::string out;
  int examples = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += lines[i] + '\n';
    if (!lines[i].starts_with("$ api ")) continue;
    ++examples;
    const std::string command = lines[i];
    std::string text;
    while (i + 1 < lines.size() && lines[i + 1] != "```" && !lines[i + 1].starts_with("$ "))
      text += lines[++i] + '\n';
    const Said said = run(api, command);
    const Json documented = Json::parse(text);
    const Json answer = shown(said.json, documented);
    INFO(command << "\n" << answer.dump(2));
    if (!write) CHECK(answer == documented);
    out += pretty(answer) + '\n';
  }
  CHECK(examples > 15);
  if (write) std::ofstream(kPage, std::ios::binary) << out;
}

TEST_CASE("docs/api.md names every path that there is", "[api][docs]") {
  const std::string page = read_file(kPage);
  for (const char* path : {"GET /v1/alerts`",         "GET /v1/alerts/ID`",
                           "POST /v1/alerts/ID/ack`", "DELETE /v1/alerts/ID/ack`",
                           "GET /v1/silences`",       "POST /v1/silences`",
                           "DELETE /v1/silences/ID`", "GET /v1/outbox`",
                           "POST /v1/outbox/retry`",  "POST /v1/outbox/drop`",
                           "GET /v1/channels`",       "POST /v1/observations`",
                           "GET /healthz`",           "GET /readyz`",
                           "GET /metrics`",           "GET /v1/openapi.json`",
                           "GET /v1/overview`",       "GET /v1/runs`",
                           "GET /v1/runs/KEY`",       "GET /v1/runs/KEY/curves`",
                           "GET /v1/evidence`"}) {
    INFO(path);
    CHECK(page.find(std::string("`") + path) != std::string::npos);
  }
}
