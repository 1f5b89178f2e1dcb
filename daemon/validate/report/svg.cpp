#include "daemon/validate/report/svg.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "daemon/validate/report/html.h"

namespace redflag::daemon::validate {

double Scale::at(double value) const {
  double share = 0;
  if (logarithmic) {
    share = value > 0 ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low)) : 0;
  } else {
    // Halved, so that the widest ranges of doubles do not overflow.
    share = (value / 2 - low / 2) / (high / 2 - low / 2);
  }
  if (std::isnan(share)) share = 0;
  return from + std::clamp(share, 0.0, 1.0) * (to - from);
}

std::vector<double> ticks(const Scale& scale) {
  std::vector<double> out;
  if (scale.logarithmic) {
    const double first = std::ceil(std::log10(scale.low) - 1e-9);
    const double last = std::floor(std::log10(scale.high) + 1e-9);
    const double every = std::max(1.0, std::ceil((last - first + 1) / 6));
    for (double power = first; power <= last + 1e-9; power += every) out.push_back(std::pow(10.0, power));
    if (out.size() < 2) out = {scale.low, scale.high};
    return out;
  }
  const double span = scale.high - scale.low;
  if (!(span > 0) || !std::isfinite(span)) return {scale.low, scale.high};
  const double rough = span / 4;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  if (!(step > 0)) return {scale.low, scale.high};
  for (int i = 0; i < 10; ++i) {
    const double value = (std::ceil(scale.low / step - 1e-9) + i) * step;
    if (value > scale.high + 1e-9 * span) break;
    out.push_back(std::fabs(value) < 1e-9 * span ? 0.0 : value);
  }
  return out;
}

std::string tick_words(double value) {
  const double size = std::fabs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return fmt::format("{:.3g}", value);
  if (size >= 1000) {
    std::string digits = fmt::format("{:.0f}", value);
    digits.insert(digits.size() - 3, ",");
    return digits;
  }
  return fmt::format("{:.4g}", value);
}

void Svg::line(std::string_view css, double x1, double y1, double x2, double y2) {
  body_ += fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", css,
                       x1, y1, x2, y2);
}

void Svg::rect(std::string_view css, double x, double y, double width, double height) {
  body_ += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>",
                       css, x, y, std::max(0.0, width), std::max(0.0, height));
}

void Svg::dot(std::string_view css, double x, double y, double radius, std::string_view title) {
  body_ +=
      fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>{}</title></circle>",
                  css, x, y, radius, escaped(title, 120));
}

void Svg::cross(std::string_view css, double x, double y, double size, std::string_view title) {
  body_ += fmt::format(
      "<path class=\"{}\" d=\"M{:.1f} {:.1f}l{:.1f} {:.1f}m0 -{:.1f}l-{:.1f} "
      "{:.1f}\"><title>{}</title></path>",
      css, x - size, y - size, 2 * size, 2 * size, 2 * size, 2 * size, 2 * size, escaped(title, 120));
}

void Svg::triangle(std::string_view css, double x, double y, double size, std::string_view title) {
  body_ +=
      fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l{:.1f} {:.1f}h-{:.1f}z\"><title>{}</title></path>",
                  css, x, y, size, 1.7 * size, 2 * size, escaped(title, 120));
}

void Svg::text(std::string_view css, double x, double y, std::string_view anchor, std::string_view raw,
               std::size_t most) {
  body_ += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", css, x, y,
                       anchor, escaped(raw, most));
}

void Svg::path(std::string_view css, const std::vector<std::pair<double, double>>& points) {
  std::string d;
  bool pen = false;
  for (const auto& [x, y] : points) {
    if (std::isnan(y)) {
      pen = false;
      continue;
    }
    d += fmt::format("{}{:.1f} {:.1f}", pen ? "L" : "M", x, y);
    pen = true;
  }
  if (!d.empty()) body_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", css, d);
}

void Svg::x_axis(const Scale& x, double y, std::string_view name) {
  line("axis", x.from, y, x.to, y);
  for (const double tick : ticks(x)) {
    const double at = x.at(tick);
    line("axis", at, y, at, y + 4);
    // A label must not leave the picture.
    const char* anchor = at > kWidth - 24 ? "end" : at < 16 ? "start" : "middle";
    text("tick", at, y + 15, anchor, tick_words(tick));
  }
  if (!name.empty()) text("tick", x.to, y + 28, "end", name);
}

void Svg::axes(const Scale& x, const Scale& y, std::string_view x_name) {
  for (const double tick : ticks(y)) {
    const double at = y.at(tick);
    line("grid", x.from, at, x.to, at);
    text("tick", x.from - 5, at + 4, "end", tick_words(tick));
  }
  x_axis(x, y.from, x_name);
}

std::string Svg::finish(std::string_view id, std::string_view title, std::string_view description) const {
  return fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-labelledby=\"{2}t {2}d\"><title "
      "id=\"{2}t\">{3}</title>"
      "<desc id=\"{2}d\">{4}</desc>{5}</svg>\n",
      kWidth, height_, id, escaped(title, 200), escaped(description, 600), body_);
}

}  // namespace redflag::daemon::validate
