#include "daemon/validate/report/html.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"

namespace redflag::daemon::validate {
namespace {

std::string sha256_base64(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  std::array<unsigned char, EVP_MAX_MD_SIZE * 2> text{};
  const int written = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(length));
  return {text.begin(), text.begin() + written};
}

}  // namespace

std::string escaped(std::string_view raw, std::size_t most) {
  // Escaping can lengthen what it escapes, so the cut comes last; but a megabyte need not be escaped first.
  const std::string visible =
      alerts::cut(alerts::escape_terminal(alerts::cut(raw.substr(0, 8 * most + 64), most)), most);
  std::string out;
  out.reserve(visible.size());
  for (const char c : visible) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string table(std::string_view caption, const std::vector<std::string>& headings,
                  const std::vector<std::vector<std::string>>& rows, bool stacks) {
  std::string out =
      fmt::format("<div class=\"scroll\" tabindex=\"0\"><table{}><caption>{}</caption><thead><tr>",
                  stacks ? " class=\"stacks\"" : "", escaped(caption));
  std::vector<bool> numbers;
  std::vector<std::string> names;
  for (const std::string& heading : headings) {
    numbers.push_back(heading.starts_with('>'));
    names.push_back(escaped(numbers.back() ? std::string_view(heading).substr(1) : heading));
    out += fmt::format("<th scope=\"col\"{}>{}</th>", numbers.back() ? " class=\"n\"" : "", names.back());
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < headings.size(); ++i) {
      out += fmt::format("<td{}{}>{}</td>", numbers[i] ? " class=\"n\"" : "",
                         stacks ? fmt::format(" data-name=\"{}\"", names[i]) : std::string(),
                         i < row.size() ? escaped(row[i]) : std::string());
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string policy_for(std::string_view css) {
  return fmt::format("default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
                     sha256_base64(css));
}

}  // namespace redflag::daemon::validate
