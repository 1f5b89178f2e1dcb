// Every command with its options becomes a row; each shell's script is a table of these rows with a few lines
// around it.
#include "daemon/cli/shell_completion.h"

#include <array>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "daemon/app/program.h"
#include "daemon/cli/commands.h"

namespace redflag::daemon {
namespace {

const CommandSpec kSpec{"completion",
                        "bash|zsh|fish",
                        "Prints what makes a shell complete redflag's commands and options.",
                        R"(The Debian package installs it. From the portable archive:

  redflag completion bash > ~/.local/share/bash-completion/completions/redflag
  redflag completion zsh > ~/.zfunc/_redflag          # ~/.zfunc in fpath
  redflag completion fish > ~/.config/fish/completions/redflag.fish

exit codes: 0 printed, 2 wrong usage)",
                        {}};

constexpr std::array<std::string_view, 3> kShells{"bash", "zsh", "fish"};

/// A place on the command line: "redflag rules check", what may follow there.
struct Row {
  std::string path;
  std::string summary;
  const CommandSpec* spec = nullptr;  // nullptr: only words
  std::vector<const Command*> parts;
};

bool names_files(std::string_view text) {
  for (const std::string_view word : {"FILE", "DIR", "LABELS", "PATH"}) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

void add_rows(const std::string& path, std::span<const Command> all, std::vector<Row>& rows) {
  for (const Command& command : all) {
    Row row{path + ' ' + std::string(command.name), std::string(command.summary), &command.spec(), {}};
    const std::span<const Command> parts =
        command.parts == nullptr ? std::span<const Command>{} : command.parts();
    for (const Command& part : parts) row.parts.push_back(&part);
    rows.push_back(row);
    add_rows(row.path, parts, rows);
  }
}

std::vector<Row> all_rows() {
  std::vector<Row> rows{{"redflag", "", nullptr, {}}, {"redflagd", "", &redflagd_spec(), {}}};
  for (const Command& command : commands()) rows.front().parts.push_back(&command);
  add_rows("redflag", commands(), rows);
  return rows;
}

/// Text between single quotes, for any of the three shells.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Words that may stand where no option does: subcommands, or the choices that the operands name
/// ("bash|zsh|fish").
std::vector<std::string> words_of(const Row& row) {
  std::vector<std::string> words;
  for (const Command* part : row.parts) words.emplace_back(part->name);
  if (row.spec == nullptr || !words.empty() || row.spec->operands.find('|') == std::string::npos)
    return words;
  if (row.spec->operands.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos) return words;
  std::string_view rest = row.spec->operands;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('|'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return words;
}

std::string options_of(const Row& row) {
  std::string text = "--help";
  if (row.spec == nullptr) return text + " --version";
  for (const OptionSpec& option : row.spec->options) text += " --" + option.name;
  return text;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

std::string bash_script(const std::vector<Row>& rows) {
  std::string steps;
  std::string table;
  std::string values;
  for (const Row& row : rows) {
    for (const Command* part : row.parts)
      steps +=
          fmt::format("      {}) place=$next ;;\n", shell_quoted(row.path + ' ' + std::string(part->name)));
    table += fmt::format("    {}) options={} words={} files={} ;;\n", shell_quoted(row.path),
                         shell_quoted(options_of(row)), shell_quoted(joined(words_of(row), " ")),
                         row.spec != nullptr && names_files(row.spec->operands) ? 1 : 0);
    if (row.spec == nullptr) continue;
    for (const OptionSpec& option : row.spec->options) {
      if (option.argument.empty()) continue;
      values += fmt::format("    {}) value={} ;;\n", shell_quoted(row.path + " --" + option.name),
                            names_files(option.argument) ? "file" : "text");
    }
  }
  return fmt::format(R"(# bash completion for redflag and redflagd; written by `redflag completion bash`
_redflag() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
  local place=${{COMP_WORDS[0]##*/}} next i options='' words='' files=0 value=''
  for ((i = 1; i < COMP_CWORD; ++i)); do
    next="$place ${{COMP_WORDS[i]}}"
    case $next in
{}    esac
  done
  COMPREPLY=()
  case "$place $prev" in
{}  esac
  if [[ $value == file ]]; then
    compopt -o default
    return
  elif [[ $value == text ]]; then
    return
  fi
  case $place in
{}  esac
  if [[ $cur == -* ]]; then
    words=$options
  elif [[ $files == 1 ]]; then
    compopt -o default
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -F _redflag redflag redflagd
)",
                     steps, values, table);
}

/// Text inside _arguments' and _describe's own syntax, where colons and brackets mean something.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_script(const std::vector<Row>& rows) {
  std::string steps;
  std::string table;
  for (const Row& row : rows) {
    for (const Command* part : row.parts)
      steps += fmt::format("      ({}) place=$next; at=$i ;;\n",
                           shell_quoted(row.path + ' ' + std::string(part->name)));
    table += fmt::format("    ({})\n", shell_quoted(row.path));
    if (!row.parts.empty()) {
      std::string parts;
      for (const Command* part : row.parts)
        parts += ' ' + shell_quoted(zsh_text(part->name) + ':' + zsh_text(part->summary));
      table += fmt::format("      local -a parts=({})\n      _describe command parts ;;\n", parts.substr(1));
      continue;
    }
    table += "      _arguments '--help[what it does, in short]'";
    for (const OptionSpec& option : row.spec->options) {
      std::string text = "--" + option.name + '[' + zsh_text(option.help) + ']';
      if (!option.argument.empty())
        text += ':' + zsh_text(option.argument) + ':' + (names_files(option.argument) ? "_files" : "");
      table += " \\\n        " + shell_quoted(text);
    }
    if (const std::vector<std::string> words = words_of(row); !words.empty()) {
      table += " \\\n        " + shell_quoted("1:word:(" + joined(words, " ") + ")");
    } else if (names_files(row.spec->operands)) {
      table += " \\\n        '*:file:_files'";
    }
    table += " ;;\n";
  }
  return fmt::format(R"(#compdef redflag redflagd
# written by `redflag completion zsh`
_redflag() {{
  local place=${{words[1]:t}} next
  integer i at=1
  for ((i = 2; i < CURRENT; ++i)); do
    next="$place ${{words[i]}}"
    case $next in
{}    esac
  done
  words=("${{(@)words[at,-1]}}")
  ((CURRENT -= at - 1))
  case $place in
{}  esac
}}
_redflag "$@"
)",
                     steps, table);
}

std::string fish_script(const std::vector<Row>& rows) {
  std::string out = "# fish completion for redflag and redflagd; written by `redflag completion fish`\n";
  for (const Row& row : rows) {
    const std::string program = row.path.substr(0, row.path.find(' '));
    // "redflag rules check" is the place where both words were seen; "redflag rules" where none of its own
    // was.
    std::string where;
    for (std::size_t at = row.path.find(' '); at != std::string::npos;) {
      const std::size_t end = row.path.find(' ', at + 1);
      where += (where.empty() ? "" : "; and ") +
               ("__fish_seen_subcommand_from " +
                row.path.substr(at + 1, end == std::string::npos ? end : end - at - 1));
      at = end;
    }
    if (!row.parts.empty()) {
      where +=
          (where.empty() ? "" : "; and ") + ("not __fish_seen_subcommand_from " + joined(words_of(row), " "));
    }
    const std::string lead =
        "complete -c " + program + (where.empty() ? std::string() : " -n " + shell_quoted(where));
    if (row.spec == nullptr || !names_files(row.spec->operands)) out += lead + " -f\n";
    for (const Command* part : row.parts)
      out += fmt::format("{} -a {} -d {}\n", lead, part->name, shell_quoted(part->summary));
    if (row.parts.empty()) {
      for (const std::string& word : words_of(row)) out += fmt::format("{} -a {}\n", lead, word);
    }
    out += lead + " -l help -d 'what it does, in short'\n";
    if (row.spec == nullptr) continue;
    for (const OptionSpec& option : row.spec->options) {
      out += fmt::format("{} -l {}{} -d {}\n", lead, option.name,
                         option.argument.empty()        ? ""
                         : names_files(option.argument) ? " -r -F"
                                                        : " -x",
                         shell_quoted(option.help));
    }
  }
  return out;
}

}  // namespace

const CommandSpec& completion_spec() {
  return kSpec;
}

int completion_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  const std::string shell = arguments->operands().size() == 1 ? arguments->operands().front() : std::string();
  const std::vector<Row> rows = all_rows();
  if (shell == kShells[0]) {
    fmt::print("{}", bash_script(rows));
  } else if (shell == kShells[1]) {
    fmt::print("{}", zsh_script(rows));
  } else if (shell == kShells[2]) {
    fmt::print("{}", fish_script(rows));
  } else {
    fmt::print(stderr, "redflag completion: name one shell: bash, zsh or fish\n");
    return 2;
  }
  return 0;
}

}  // namespace redflag::daemon
