// Task, method and seed of a run. The config says it best; tags and the run's name are read when it does not.
#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "daemon/runs/run_info.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

struct Phrase {
  std::string_view words;  // separated by one space
  std::string_view meaning;
};

/// Longer phrases first: "squad v2" is not "squad".
const std::array kTasks{
    Phrase{"squad v2 0", "squad_v2"},
    Phrase{"squad 2 0", "squad_v2"},
    Phrase{"squad v1 1", "squad"},
    Phrase{"squad 1 1", "squad"},
    Phrase{"squad v2", "squad_v2"},
    Phrase{"squad 2", "squad_v2"},
    Phrase{"squad v1", "squad"},
    Phrase{"squadv2", "squad_v2"},
    Phrase{"squad2", "squad_v2"},
    Phrase{"squadv1", "squad"},
    Phrase{"squad", "squad"},
    Phrase{"sst 2", "sst2"},
    Phrase{"sst2", "sst2"},
    Phrase{"sts b", "stsb"},
    Phrase{"stsb", "stsb"},
    Phrase{"mrpc", "mrpc"},
    Phrase{"rte", "rte"},
    Phrase{"cola", "cola"},
    Phrase{"qqp", "qqp"},
    Phrase{"qnli", "qnli"},
    Phrase{"wnli", "wnli"},
    Phrase{"mnli", "mnli"},
    Phrase{"boolq", "boolq"},
    Phrase{"copa", "copa"},
    Phrase{"multirc", "multirc"},
    Phrase{"imdb", "imdb"},
    Phrase{"hellaswag", "hellaswag"},
    Phrase{"winogrande", "winogrande"},
};

const std::array kMethods{
    Phrase{"full fine tuning", "full_finetune"},
    Phrase{"full fine tune", "full_finetune"},
    Phrase{"full finetuning", "full_finetune"},
    Phrase{"full finetune", "full_finetune"},
    Phrase{"full ft", "full_finetune"},
    Phrase{"fullft", "full_finetune"},
    Phrase{"fft", "full_finetune"},
    Phrase{"base pretrained", "base_pretrained"},
    Phrase{"majority class", "majority_class"},
    Phrase{"majority baseline", "majority_class"},
    Phrase{"random baseline", "random"},
    Phrase{"qlora", "qlora"},
    Phrase{"lora", "lora"},
};

/// Common words: they name a method only where nothing else is said, or at the front of a run's name.
/// "bert-base" does not.
const std::array kShortMethods{
    Phrase{"base", "base_pretrained"},
    Phrase{"pretrained", "base_pretrained"},
    Phrase{"base model", "base_pretrained"},
    Phrase{"majority", "majority_class"},
    Phrase{"random", "random"},
    Phrase{"full", "full_finetune"},
};

Words words_of(std::string_view text) {
  Words words;
  std::string word;
  for (const char c : text.substr(0, 512)) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

/// " full ft sst2 ": a phrase stands in it when it does with a space on either side.
std::string spaced(const Words& words) {
  std::string text = " ";
  for (const auto& word : words) text += word + ' ';
  return text;
}

template <typename Phrases>
std::string find_phrase(const Phrases& phrases, const Words& words) {
  const std::string text = spaced(words);
  for (const Phrase& phrase : phrases) {
    if (text.find(' ' + std::string(phrase.words) + ' ') != std::string::npos)
      return std::string(phrase.meaning);
  }
  return {};
}

template <typename Phrases>
const Phrase* phrase_at_front(const Phrases& phrases, const Words& words) {
  const std::string text = spaced(words);
  for (const Phrase& phrase : phrases) {
    if (text.rfind(' ' + std::string(phrase.words) + ' ', 0) == 0) return &phrase;
  }
  return nullptr;
}

std::string exact_short_method(const Words& words) {
  const std::string text = spaced(words);
  for (const Phrase& phrase : kShortMethods) {
    if (text == ' ' + std::string(phrase.words) + ' ') return std::string(phrase.meaning);
  }
  return {};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "seed42", "seed 42", "seed=42", "seed:42"; nothing shorter, "s42" could be anything.
std::optional<std::int64_t> seed_in(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word.substr(0, 4) != "seed") continue;
    if (word.size() > 4) {
      if (const auto seed = whole_number(word.substr(4))) return seed;
    } else if (i + 1 < words.size()) {
      if (const auto seed = whole_number(words[i + 1])) return seed;
    }
  }
  return std::nullopt;
}

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : "_") + word;
  return text;
}

/// Values of a key, nearest to the top first: HF puts its settings at the top, others under "args" or
/// "training".
std::vector<const json*> values_of(const json& config, const char* key) {
  std::vector<const json*> found;
  std::deque<std::pair<const json*, int>> waiting{{&config, 0}};
  std::size_t visited = 0;
  while (!waiting.empty() && ++visited < 500) {
    const auto [object, depth] = waiting.front();
    waiting.pop_front();
    if (const auto here = object->find(key); here != object->end()) found.push_back(&*here);
    if (depth >= 3) continue;
    for (const auto& value : *object) {
      if (value.is_object()) waiting.emplace_back(&value, depth + 1);
    }
  }
  return found;
}

/// `free` keys say it outright and may hold a name we do not know; the others count only when the name is
/// known.
template <typename Known>
std::string from_config(const json& config, const char* free, std::initializer_list<const char*> others,
                        Known known) {
  for (const json* value : values_of(config, free)) {
    const auto* text = value->get_ptr<const std::string*>();
    if (text == nullptr) continue;
    const Words words = words_of(*text);
    if (auto name = known(words); !name.empty()) return name;
    const bool at_top = config.contains(free) && value == &config[free];
    if (at_top && !words.empty()) return joined(words);
  }
  for (const char* key : others) {
    for (const json* value : values_of(config, key)) {
      const auto* text = value->get_ptr<const std::string*>();
      if (text == nullptr) continue;
      if (auto name = known(words_of(*text)); !name.empty()) return name;
    }
  }
  return {};
}

std::optional<std::int64_t> seed_from_config(const json& config) {
  for (const char* key : {"seed", "random_seed"}) {
    for (const json* value : values_of(config, key)) {
      if (value->is_number_integer()) return value->get<std::int64_t>();
      if (value->is_number_float()) {
        const double number = value->get<double>();
        if (number >= 0 && number < 9e15 &&
            number == static_cast<double>(static_cast<std::int64_t>(number))) {
          return static_cast<std::int64_t>(number);
        }
      }
      if (const auto* text = value->get_ptr<const std::string*>()) {
        if (const auto number = whole_number(*text)) return number;
      }
    }
  }
  return std::nullopt;
}

std::string known_task(const Words& words) {
  return find_phrase(kTasks, words);
}

std::string known_method(const Words& words) {
  auto method = find_phrase(kMethods, words);
  return method.empty() ? exact_short_method(words) : method;
}

/// METHOD_TASK_seedN with a task nobody told us of: what stands between method and seed is the task.
std::string task_between(const Words& words) {
  const Phrase* method = phrase_at_front(kMethods, words);
  if (method == nullptr) method = phrase_at_front(kShortMethods, words);
  if (method == nullptr) return {};
  Words middle;
  const auto spaces = std::count(method->words.begin(), method->words.end(), ' ');
  for (std::size_t i = static_cast<std::size_t>(spaces) + 1; i < words.size(); ++i) {
    if (words[i].substr(0, 4) == "seed") return joined(middle);
    middle.push_back(words[i]);
  }
  return {};
}

void from_name(RunInfo& run) {
  const Words words = words_of(run.name);
  if (run.task.empty()) run.task = known_task(words);
  if (run.task.empty()) run.task = task_between(words);
  if (run.method.empty()) run.method = find_phrase(kMethods, words);
  if (run.method.empty()) {
    if (const Phrase* front = phrase_at_front(kShortMethods, words)) run.method = front->meaning;
  }
  if (!run.seed) run.seed = seed_in(words);
}

}  // namespace

void derive_identity(RunInfo& run) {
  run.task.clear();
  run.method.clear();
  run.seed.reset();
  if (run.config.is_object()) {
    run.task = from_config(run.config, "task_name",
                           {"task", "glue_task", "finetuning_task", "dataset_name", "dataset"}, known_task);
    run.method = from_config(
        run.config, "method",
        {"finetuning_method", "training_method", "finetune_method", "finetuning_type", "peft_method"},
        known_method);
    run.seed = seed_from_config(run.config);
  }
  for (const auto& tag : run.tags) {
    const Words words = words_of(tag);
    if (run.task.empty()) run.task = known_task(words);
    if (run.method.empty()) run.method = known_method(words);
    if (!run.seed) run.seed = seed_in(words);
  }
  from_name(run);
}

}  // namespace redflag::daemon
