// Text into HTML. Whatever came from outside goes through escaped(): it can neither become markup, nor hide,
// nor turn around what stands beside it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon::validate {

/// Control characters, direction controls, invisible characters and bytes that are no UTF-8 made visible
/// (alerts/text/escape.h), cut to `most` characters, then & < > " ' as entities. Fit for text and for
/// attributes.
std::string escaped(std::string_view raw, std::size_t most = 400);

/// A table with a caption; cells and headings are raw text and are escaped. Columns whose heading begins with
/// '>' are numbers, aligned to the right. With `stacks` its rows become blocks of lines on a phone: for
/// tables that hold sentences.
std::string table(std::string_view caption, const std::vector<std::string>& headings,
                  const std::vector<std::vector<std::string>>& rows, bool stacks = false);

/// "Content-Security-Policy" of a page whose only style is `css` and which has no script at all: the browser
/// is told to refuse everything else, by the hash of that style.
std::string policy_for(std::string_view css);

}  // namespace redflag::daemon::validate
