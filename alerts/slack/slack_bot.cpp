#include "alerts/slack/slack_bot.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "alerts/group.h"
#include "alerts/slack/slack_api.h"
#include "alerts/slack/slack_message.h"
#include "alerts/slack/slack_parts.h"

namespace redflag::alerts {
namespace {

using nlohmann::json;

constexpr std::size_t kMessagesOfAlert = 3;

json parsed(const std::optional<std::string>& text) {
  return text ? json::parse(*text, nullptr, false) : json(nullptr);
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> texts_of(const json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const json& item : list) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::string text_of(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_resolved(const Notification& n) {
  return n.kind == NotificationKind::resolved && about_alert(n);
}

bool urgent(const NotificationGroup& group) {
  return std::any_of(group.parts.begin(), group.parts.end(), [](const Notification& n) {
    return n.severity == Severity::critical && n.kind != NotificationKind::resolved;
  });
}

SinkAnswer success() {
  SinkAnswer answer;
  answer.status = 200;
  answer.body = R"({"ok":true})";
  return answer;
}

bool good(const SinkAnswer& answer) {
  return classify_slack_api_answer(answer, Time{}).outcome == Outcome::sent;
}

}  // namespace

std::string slack_bot_payload(const NotificationGroup& group, const std::string& mention, bool plain) {
  return dumped(
      {{"key", group.key}, {"mention", mention}, {"plain", plain}, {"parts", parts_to_json(group)}});
}

SlackBotDelivery::SlackBotDelivery(const std::string& payload, std::string channel, const Receipts& receipts)
    : channel_(std::move(channel)), receipts_(receipts), last_(success()) {
  const json in = json::parse(payload, nullptr, false);
  if (!in.is_object()) return;
  run_key_ = text_of(in, "key");
  mention_ = text_of(in, "mention");
  plain_ = in.contains("plain") && in["plain"] == true;
  group_ = parts_from_json(in.value("parts", json::array()));
  plan();
}

void SlackBotDelivery::plan() {
  std::set<std::string> wanted;
  for (const Notification* part : present_parts(group_)) {
    std::set<std::string> announcing;
    if (is_resolved(*part)) {
      for (const std::string& ts : texts_of(parsed(find("alert:" + part->transitions.front().id)))) {
        if (find("message:" + ts)) announcing.insert(ts);
      }
    }
    std::set<std::string> all = wanted;
    all.insert(announcing.begin(), announcing.end());
    if (announcing.empty() || all.size() > kMaxEdits) {
      post_.parts.push_back(*part);
      continue;
    }
    wanted = std::move(all);
    resolved_.emplace(part->transitions.front().id, *part);
  }
  for (const std::string& ts : wanted) {
    const json kept = parsed(find("message:" + ts));
    Edit edit{ts, text_of(kept, "channel"), parts_from_json(kept.is_object() ? kept["parts"] : json())};
    for (Notification& part : edit.group.parts) {
      if (!about_alert(part)) continue;
      const auto ended = resolved_.find(part.transitions.front().id);
      if (ended != resolved_.end()) part = ended->second;
    }
    edits_.push_back(std::move(edit));
  }
  // Of a thread that was begun elsewhere (the receiver's channel was changed) nothing is known here.
  const json head = parsed(find("run:" + run_key_));
  if (!run_key_.empty() && text_of(head, "to") == channel_) thread_ = text_of(head, "ts");
}

std::optional<SlackCall> SlackBotDelivery::next() {
  if (finished_) return std::nullopt;
  in_edit_ = !edits_.empty();
  if (in_edit_) return edit_call(edits_.back());
  if (!post_.parts.empty()) return post_call();
  finished_ = true;
  return std::nullopt;
}

std::string SlackBotDelivery::body_of(const NotificationGroup& group) const {
  return plain_ ? slack_fallback(group) : slack_payload(group);
}

SlackCall SlackBotDelivery::edit_call(const Edit& edit) const {
  json body = json::parse(body_of(edit.group), nullptr, false);
  body["channel"] = edit.channel;
  body["ts"] = edit.ts;
  if (!body.contains("blocks")) body["blocks"] = json::array();  // else the old ones would stay
  return {"chat.update", dumped(body)};
}

SlackCall SlackBotDelivery::post_call() {
  json body = json::parse(body_of(post_), nullptr, false);
  body["channel"] = channel_;
  body["unfurl_links"] = false;
  body["unfurl_media"] = false;
  const bool loud = urgent(post_);
  if (loud && !mention_.empty()) {
    if (body.contains("blocks")) {
      body["blocks"].insert(body["blocks"].begin(),
                            json{{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", mention_}}}});
    } else {
      body["text"] = mention_ + ' ' + text_of(body, "text");
    }
  }
  if (!thread_.empty()) {
    body["thread_ts"] = thread_;
    if (loud) body["reply_broadcast"] = true;
  }
  return {"chat.postMessage", dumped(body)};
}

void SlackBotDelivery::answered(SinkAnswer answer) {
  last_ = std::move(answer);
  if (in_edit_) {
    edited(last_);
  } else {
    posted(last_);
  }
}

void SlackBotDelivery::edited(const SinkAnswer& answer) {
  const Edit& edit = edits_.back();
  const std::string key = "message:" + edit.ts;
  if (good(answer)) {
    bool all_ended = true;
    for (const Notification& part : edit.group.parts) {
      if (!about_alert(part)) continue;
      all_ended = all_ended && is_resolved(part);
      if (resolved_.contains(part.transitions.front().id)) shown_.insert(part.transitions.front().id);
    }
    put(key, all_ended ? std::string()
                       : dumped({{"channel", edit.channel}, {"parts", parts_to_json(edit.group)}}));
  } else if (slack_message_is_gone(slack_api_error(answer))) {
    put(key, {});
    last_ = success();
  } else {
    finished_ = true;  // all of it again, later: an edit that is repeated changes nothing
    return;
  }
  edits_.pop_back();
  if (!edits_.empty()) return;
  for (const auto& [id, part] : resolved_) {
    put("alert:" + id, {});
    if (!shown_.contains(id)) post_.parts.push_back(part);
  }
}

void SlackBotDelivery::posted(const SinkAnswer& answer) {
  const bool done = good(answer);
  if (!done && !thread_.empty() && slack_thread_is_gone(slack_api_error(answer))) {
    thread_.clear();  // once more, as the head of a new thread
    return;
  }
  finished_ = true;
  if (!done) return;
  const json body = json::parse(answer.body, nullptr, false);
  const std::string ts = text_of(body, "ts");
  const std::string channel = text_of(body, "channel");
  if (!ts.empty() && !channel.empty()) remember_message(ts, channel);
}

void SlackBotDelivery::remember_message(const std::string& ts, const std::string& channel) {
  std::vector<std::string> alerts;
  for (const Notification& part : post_.parts) {
    if (!about_alert(part) || is_resolved(part)) continue;
    const std::string& id = part.transitions.front().id;
    alerts.push_back(id);
    std::vector<std::string> messages = texts_of(parsed(find("alert:" + id)));
    messages.push_back(ts);
    if (messages.size() > kMessagesOfAlert) messages.erase(messages.begin() + 1);
    put("alert:" + id, dumped(messages));
  }
  const bool heads = thread_.empty() && !run_key_.empty();
  if (heads) put("run:" + run_key_, dumped({{"ts", ts}, {"to", channel_}}));
  if (alerts.empty() && !heads) return;
  if (!alerts.empty()) put("message:" + ts, dumped({{"channel", channel}, {"parts", parts_to_json(post_)}}));
  take_slot(ts, alerts, heads ? run_key_ : std::string());
}

void SlackBotDelivery::take_slot(const std::string& ts, const std::vector<std::string>& alerts,
                                 const std::string& run) {
  const json counter = parsed(find("slot"));
  const std::size_t slot = counter.is_number_unsigned() ? counter.get<std::size_t>() % kSlots : 0;
  const std::string key = "slot:" + std::to_string(slot);
  if (const std::optional<std::string> old = find(key)) forget_slot(*old);
  put(key, dumped({{"ts", ts}, {"alerts", alerts}, {"run", run}}));
  put("slot", std::to_string((slot + 1) % kSlots));
}

void SlackBotDelivery::forget_slot(const std::string& kept) {
  const json old = json::parse(kept, nullptr, false);
  if (!old.is_object()) return;
  const std::string ts = text_of(old, "ts");
  if (find("message:" + ts)) put("message:" + ts, {});
  for (const std::string& alert : texts_of(old.value("alerts", json::array()))) drop_message_of(alert, ts);
  const std::string run = text_of(old, "run");
  if (!run.empty() && text_of(parsed(find("run:" + run)), "ts") == ts) put("run:" + run, {});
}

void SlackBotDelivery::drop_message_of(const std::string& alert, const std::string& ts) {
  std::vector<std::string> messages = texts_of(parsed(find("alert:" + alert)));
  if (std::erase(messages, ts) > 0)
    put("alert:" + alert, messages.empty() ? std::string() : dumped(messages));
}

SinkAnswer SlackBotDelivery::result() {
  SinkAnswer answer = last_;
  // After a failure all is done again, so that nothing of it is to be known yet.
  if (good(answer)) {
    for (const auto& change : changes_) answer.receipts.push_back(change);
  }
  return answer;
}

std::optional<std::string> SlackBotDelivery::find(const std::string& key) const {
  if (const auto changed = changes_.find(key); changed != changes_.end())
    return changed->second.empty() ? std::nullopt : std::optional(changed->second);
  return receipts_.find(key);
}

void SlackBotDelivery::put(const std::string& key, std::string value) {
  changes_[key] = std::move(value);
}

}  // namespace redflag::alerts
