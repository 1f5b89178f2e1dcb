#include "daemon/store/retention.h"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/store/codec.h"
#include "rules/values/observation.h"

namespace redflag::daemon {
namespace {

Result<void> delete_before(Database& database, const char* sql, Time before) {
  Result<Statement*> statement = database.cached(sql);
  if (!statement) return tl::unexpected<Error>(std::move(statement.error()));
  return (*statement)->bind(1, before.time_since_epoch().count()).run();
}

struct Crowd {
  std::string subject;
  std::int64_t points = 0;
  bool ended = false;
};

/// Subjects that have more points than they should.
Result<std::vector<Crowd>> crowds(Database& database, const Retention& retention) {
  Result<Statement> found = database.prepare(
      "SELECT subject, points, ended FROM (SELECT subject, count(*) AS points, EXISTS (SELECT 1 FROM fact "
      "WHERE "
      "fact.subject=point.subject AND name='ended' AND value='{\"ended\":true}' AND time < ?) AS ended FROM "
      "point "
      "GROUP BY subject HAVING points > ?) WHERE ended OR points > ?");
  if (!found) return tl::unexpected<Error>(std::move(found.error()));
  // Those that were thinned have a few more than wanted and are not looked at again.
  found->bind(1, retention.thin_before.time_since_epoch().count())
      .bind(2, retention.thinned * 3 / 2)
      .bind(3, retention.newest * 3 / 2);
  std::vector<Crowd> crowds;
  for (;;) {
    const Result<bool> row = found->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return crowds;
    crowds.push_back({found->text(0), found->integer(1), found->integer(2) != 0});
  }
}

Result<void> thin_crowds(Database& database, const Retention& retention) {
  if (retention.thin_before == Time{}) return {};
  Result<std::vector<Crowd>> all = crowds(database, retention);
  if (!all) return tl::unexpected<Error>(std::move(all.error()));
  std::int64_t left = retention.at_a_time;
  for (const Crowd& crowd : *all) {
    if (left <= 0) break;
    const Result<std::int64_t> looked_at = thin_points(
        database, crowd.subject, crowd.ended ? 0 : retention.newest, retention.thinned, retention.at_a_time);
    if (!looked_at) return tl::unexpected<Error>(looked_at.error());
    left -= *looked_at;
  }
  return {};
}

Result<void> forget(Database& database, const Retention& retention) {
  const std::pair<const char*, Time> old[] = {
      {"DELETE FROM point WHERE time < ? AND subject IN "
       "(SELECT subject FROM fact WHERE name='ended' AND value='{\"ended\":true}')",
       retention.points_before},
      {"DELETE FROM outbox WHERE state IN (1, 3) AND created < ?", retention.messages_before},
      {"DELETE FROM alert WHERE active=0 AND ended_at < ?", retention.alerts_before},
      {"DELETE FROM silence WHERE ends < ?", retention.messages_before}};
  for (const auto& [sql, before] : old) {
    if (Result<void> done = delete_before(database, sql, before); !done) return done;
  }
  return thin_crowds(database, retention);
}

}  // namespace

Result<void> prune(Database& database, const Retention& retention) {
  if (Result<void> begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
  Result<void> done = forget(database, retention);
  if (done) done = database.execute("COMMIT");
  if (!done) database.rollback();
  return done;
}

Result<std::int64_t> thin_points(Database& database, const std::string& subject, std::int64_t newest,
                                 std::int64_t wanted, std::int64_t at_most) {
  Result<Statement> rows = database.prepare(
      "SELECT id, samples FROM point WHERE subject=?1 AND kind=?2 AND id <= ifnull((SELECT id FROM point "
      "WHERE "
      "subject=?1 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0) ORDER BY id LIMIT ?4");
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  rows->bind(1, subject)
      .bind(2, static_cast<std::int64_t>(ObservationKind::row))
      .bind(3, newest)
      .bind(4, at_most);
  struct Metric {
    std::int64_t points = 0;
    std::int64_t seen = 0;
  };
  std::unordered_map<std::string, Metric> metrics;
  std::vector<std::pair<std::int64_t, std::vector<Metric*>>> found;
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) break;
    const Result<std::vector<Sample>> samples = decode_samples(rows->text(1));
    std::vector<Metric*>& of_row = found.emplace_back(rows->integer(0), std::vector<Metric*>()).second;
    if (!samples) continue;  // cannot be read: goes
    for (const Sample& sample : *samples) {
      Metric& metric = metrics[sample.metric];
      ++metric.points;
      of_row.push_back(&metric);
    }
  }
  rows->reset();
  Result<Statement*> drop = database.cached("DELETE FROM point WHERE id=?");
  if (!drop) return tl::unexpected<Error>(std::move(drop.error()));
  for (const auto& [id, of_row] : found) {
    bool stays = false;
    for (Metric* metric : of_row) {
      const std::int64_t every = std::max<std::int64_t>(1, (metric->points + wanted - 1) / wanted);
      stays = stays || metric->seen % every == 0 || metric->seen + 1 == metric->points;
      ++metric->seen;
    }
    if (stays) continue;
    if (Result<void> done = (*drop)->bind(1, id).run(); !done)
      return tl::unexpected<Error>(std::move(done.error()));
  }
  return static_cast<std::int64_t>(found.size());
}

}  // namespace redflag::daemon
