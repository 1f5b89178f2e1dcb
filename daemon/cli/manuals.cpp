// A command's page lists the commands within it and refers to its neighbours.
#include "daemon/cli/manuals.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "daemon/app/manual.h"
#include "daemon/cli/commands.h"

namespace redflag::daemon {
namespace {

const CommandSpec kOverview{
    "",
    "COMMAND",
    "Watches machine-learning training and says what is wrong.",
    "`redflag` is the operator's command; the daemon itself is `redflagd`. Each command has a page of its "
    "own "
    "(`man redflag-replay`) and answers to `--help`.\n\n"
    "exit codes: 2 is wrong usage in most commands; each command's page lists its own",
    {{"man", "[COMMAND]", "print this page, or a command's, in roff"},
     {"man-pages", "DIRECTORY", "write every page into DIRECTORY"},
     {"version", "", "print the version"}}};

struct Page {
  std::string name;  // without section
  std::string roff;
};

std::vector<std::pair<std::string, std::string>> listed(std::span<const Command> all) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : all) rows.emplace_back(command.name, command.summary);
  return rows;
}

void add_pages(std::span<const Command> all, const std::string& above, std::vector<Page>& pages) {
  for (const Command& command : all) {
    const std::string invocation = above + ' ' + std::string(command.name);
    ManualSubject subject;
    subject.name = invocation;
    std::replace(subject.name.begin(), subject.name.end(), ' ', '-');
    subject.invocation = invocation;
    subject.spec = &command.spec();
    std::string parent = above;
    std::replace(parent.begin(), parent.end(), ' ', '-');
    subject.see_also = {parent + "(1)"};
    if (command.parts != nullptr) {
      subject.commands = listed(command.parts());
      for (const Command& part : command.parts())
        subject.see_also.push_back(fmt::format("{}-{}(1)", subject.name, part.name));
    }
    subject.see_also.emplace_back("redflagd(8)");
    pages.push_back({subject.name, manual_page(subject)});
    if (command.parts != nullptr) add_pages(command.parts(), invocation, pages);
  }
}

std::vector<Page> all_pages() {
  ManualSubject subject{"redflag", 1, "redflag", &kOverview, listed(commands()), {}};
  for (const Command& command : commands())
    subject.see_also.push_back(fmt::format("redflag-{}(1)", command.name));
  subject.see_also.insert(subject.see_also.end(), {"redflag.yaml(5)", "redflagd(8)"});
  std::vector<Page> pages{{"redflag", manual_page(subject)}};
  add_pages(commands(), "redflag", pages);
  return pages;
}

int write_pages(const std::string& directory) {
  for (const Page& page : all_pages()) {
    const std::filesystem::path path = std::filesystem::path(directory) / (page.name + ".1");
    std::ofstream out(path, std::ios::binary);
    out << page.roff;
    out.close();
    if (!out) {
      fmt::print(stderr, "redflag --man-pages: {} cannot be written\n", path.string());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int manual_command(const std::vector<std::string>& words) {
  if (words.front() == "--man-pages") {
    if (words.size() == 2) return write_pages(words[1]);
    fmt::print(stderr, "redflag --man-pages: name one directory\n");
    return 2;
  }
  std::string name = "redflag";
  for (std::size_t i = 1; i < words.size(); ++i) name += '-' + words[i];
  for (const Page& page : all_pages()) {
    if (page.name != name) continue;
    fmt::print("{}", page.roff);
    return 0;
  }
  fmt::print(stderr, "redflag --man: there is no page of that name; `redflag --help` lists the commands\n");
  return 2;
}

}  // namespace redflag::daemon
