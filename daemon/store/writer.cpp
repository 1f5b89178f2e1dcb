#include "daemon/store/writer.h"

#include <set>
#include <string_view>
#include <utility>

#include "daemon/base/failpoint.h"
#include "daemon/store/codec.h"

namespace redflag::daemon {
namespace {

std::string subject_text(const Subject& subject) {
  return std::string(to_string(subject.kind)) + ':' + subject.key;
}

Subject subject_from(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {};
  return {subject_kind_from(std::string_view(text).substr(0, colon)).value_or(SubjectKind::run),
          text.substr(colon + 1)};
}

std::int64_t micros(Time time) {
  return time.time_since_epoch().count();
}

/// Collects the first error of a sequence of statements; later ones are not run.
class Sequence {
 public:
  explicit Sequence(Database& database) : database_(database) {}

  template <typename Bind>
  void run(const char* sql, Bind bind) {
    if (!done_) return;
    Result<Statement*> statement = database_.cached(sql);
    if (!statement) {
      done_ = tl::unexpected<Error>(std::move(statement.error()));
      return;
    }
    bind(**statement);
    done_ = (*statement)->run();
  }
  Result<void> take() { return std::move(done_); }
  bool ok() const { return done_.has_value(); }

 private:
  Database& database_;
  Result<void> done_;
};

void write_observation(Sequence& sequence, const Observation& o) {
  const std::string subject = subject_text(o.subject);
  if (o.kind != ObservationKind::facts) {
    sequence.run(
        "INSERT INTO point (subject, kind, run, source, seq, attempt, step, time, samples) VALUES "
        "(?,?,?,?,?,?,?,?,?)",
        [&](Statement& s) {
          s.bind(1, subject).bind(2, static_cast<std::int64_t>(o.kind)).bind(3, o.run).bind(4, o.source);
          s.bind(5, o.seq).bind(6, std::int64_t{o.attempt}).bind(7, o.step).bind(8, micros(o.time));
          s.bind(9, encode_samples(o.samples));
        });
  }
  for (const auto& attribute : o.attributes) {
    sequence.run("INSERT OR REPLACE INTO fact (subject, name, run, source, time, value) VALUES (?,?,?,?,?,?)",
                 [&](Statement& s) {
                   s.bind(1, subject)
                       .bind(2, attribute.first)
                       .bind(3, o.run)
                       .bind(4, o.source)
                       .bind(5, micros(o.time));
                   s.bind(6, encode_attributes({attribute}));
                 });
  }
}

void write_verdict(Sequence& sequence, const VerdictRecord& verdict) {
  if (verdict.report.empty()) {
    sequence.run("DELETE FROM verdict WHERE path=?", [&](Statement& s) { s.bind(1, verdict.path); });
    return;
  }
  sequence.run(
      "INSERT OR REPLACE INTO verdict (path, device, inode, size, modified_ns, reader, checked, bytes, "
      "report) "
      "VALUES (?,?,?,?,?,?,?,?,?)",
      [&](Statement& s) {
        // Bits, not numbers: inodes of some file systems use all 64.
        s.bind(1, verdict.path).bind(2, static_cast<std::int64_t>(verdict.device));
        s.bind(3, static_cast<std::int64_t>(verdict.inode)).bind(4, static_cast<std::int64_t>(verdict.size));
        s.bind(5, verdict.modified_ns).bind(6, verdict.reader).bind(7, micros(verdict.checked));
        s.bind(8, static_cast<std::int64_t>(verdict.report.size())).bind(9, verdict.report);
      });
}

void write_all(Sequence& sequence, const Commit& commit) {
  for (const Subject& subject : commit.gone) {
    for (const char* sql : {"DELETE FROM fact WHERE subject=?", "DELETE FROM instance WHERE subject=?",
                            "DELETE FROM point WHERE subject=?"}) {
      sequence.run(sql, [&](Statement& s) { s.bind(1, subject_text(subject)); });
    }
    if (subject.kind == SubjectKind::run)
      sequence.run("DELETE FROM run WHERE key=?", [&](Statement& s) { s.bind(1, subject.key); });
  }
  for (const RunInfo& run : commit.runs) {
    sequence.run("INSERT OR REPLACE INTO run (key, body) VALUES (?,?)",
                 [&](Statement& s) { s.bind(1, run.key).bind(2, encode_run(run)); });
  }
  for (const Observation& observation : commit.observations) write_observation(sequence, observation);
  // Of a position that moved several times within the transaction only the last counts.
  std::set<std::pair<std::string_view, std::string_view>> moved;
  for (auto update = commit.cursors.rbegin(); update != commit.cursors.rend(); ++update) {
    const CursorUpdate& cursor = *update;
    if (!moved.insert({cursor.source, cursor.key}).second) continue;
    if (cursor.value.empty()) {
      sequence.run("DELETE FROM cursor WHERE source=? AND key=?",
                   [&](Statement& s) { s.bind(1, cursor.source).bind(2, cursor.key); });
    } else {
      sequence.run("INSERT OR REPLACE INTO cursor (source, key, value) VALUES (?,?,?)",
                   [&](Statement& s) { s.bind(1, cursor.source).bind(2, cursor.key).bind(3, cursor.value); });
    }
  }
  for (const RuleInstance& instance : commit.instances) {
    if (instance.state == AlertState::inactive && instance.state_json.empty()) {
      sequence.run("DELETE FROM instance WHERE rule=? AND subject=?",
                   [&](Statement& s) { s.bind(1, instance.rule).bind(2, subject_text(instance.subject)); });
    } else {
      sequence.run("INSERT OR REPLACE INTO instance (rule, subject, state, body) VALUES (?,?,?,?)",
                   [&](Statement& s) {
                     s.bind(1, instance.rule).bind(2, subject_text(instance.subject));
                     s.bind(3, static_cast<std::int64_t>(instance.state)).bind(4, instance.state_json);
                   });
    }
  }
  for (const alerts::Alert& alert : commit.alerts) {
    sequence.run("INSERT OR REPLACE INTO alert (id, active, ended_at, body) VALUES (?,?,?,?)",
                 [&](Statement& s) {
                   s.bind(1, alert.last.id)
                       .bind(2, std::int64_t{alert.ended_at == Time{}})
                       .bind(3, micros(alert.ended_at));
                   s.bind(4, encode_alert(alert));
                 });
  }
  if (!commit.messages.empty()) failpoint("mid-commit");
  for (const alerts::OutboxMessage& message : commit.messages) {
    // A new message whose id is known was announced before: its record must not fall back to "queued".
    const bool fresh = message.attempts == 0 && message.state == alerts::MessageState::queued;
    sequence.run(
        fresh && message.revision > 0
            ? "INSERT INTO outbox (id, state, created, body) VALUES (?,?,?,?) "
              "ON CONFLICT (id) DO UPDATE SET body=excluded.body WHERE outbox.state=0"
        : fresh ? "INSERT INTO outbox (id, state, created, body) VALUES (?,?,?,?) ON CONFLICT (id) DO NOTHING"
                : "INSERT INTO outbox (id, state, created, body) VALUES (?,?,?,?) "
                  "ON CONFLICT (id) DO UPDATE SET state=excluded.state, body=excluded.body",
        [&](Statement& s) {
          s.bind(1, message.id)
              .bind(2, static_cast<std::int64_t>(message.state))
              .bind(3, micros(message.created));
          s.bind(4, encode_message(message));
        });
  }
  for (const alerts::Silence& silence : commit.silences) {
    sequence.run("INSERT OR REPLACE INTO silence (id, ends, body) VALUES (?,?,?)", [&](Statement& s) {
      s.bind(1, silence.id).bind(2, micros(silence.ends)).bind(3, encode_silence(silence));
    });
  }
  for (const VerdictRecord& verdict : commit.verdicts) write_verdict(sequence, verdict);
}

/// Runs a query and hands each row to `each`; `each` says whether the record could be read.
template <typename Each>
Result<void> for_rows(Database& database, const std::string& sql, std::size_t& skipped, Each each) {
  Result<Statement> statement = database.prepare(sql);
  if (!statement) return tl::unexpected<Error>(std::move(statement.error()));
  for (;;) {
    const Result<bool> row = statement->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return {};
    if (!each(*statement)) ++skipped;
  }
}

template <typename T>
bool keep(Result<T> decoded, std::vector<T>& into) {
  if (!decoded) return false;
  into.push_back(std::move(*decoded));
  return true;
}

}  // namespace

bool Commit::empty() const {
  return runs.empty() && observations.empty() && gone.empty() && cursors.empty() && instances.empty() &&
         alerts.empty() && messages.empty() && silences.empty() && verdicts.empty();
}

std::size_t Commit::bytes() const {
  std::size_t sum = 0;
  for (const RunInfo& r : runs) sum += sizeof(r) + r.key.size() + r.name.size() + r.url.size();
  for (const Observation& o : observations) {
    sum += sizeof(o) + o.subject.key.size() + o.run.size();
    for (const Sample& s : o.samples) sum += sizeof(s) + s.original.size();
    for (const auto& [name, value] : o.attributes) {
      const auto* text = std::get_if<std::string>(&value);
      sum += sizeof(name) + sizeof(value) + (text != nullptr ? text->size() : 0);
    }
  }
  for (const Subject& s : gone) sum += sizeof(s) + s.key.size();
  for (const CursorUpdate& c : cursors) sum += sizeof(c) + c.source.size() + c.key.size() + c.value.size();
  for (const RuleInstance& i : instances)
    sum += sizeof(i) + i.rule.size() + i.subject.key.size() + i.state_json.size();
  for (const alerts::Alert& a : alerts) sum += 2 * sizeof(a) + a.last.message.size() + a.last.hint.size();
  for (const alerts::OutboxMessage& m : messages)
    sum += sizeof(m) + m.id.size() + m.payload.size() + m.fallback.size();
  for (const alerts::Silence& s : silences) sum += 2 * sizeof(s);
  for (const VerdictRecord& v : verdicts) sum += sizeof(v) + v.path.size() + v.report.size();
  return sum;
}

void Commit::drop(const Subject& subject) {
  std::erase_if(observations, [&](const Observation& o) { return o.subject == subject; });
  std::erase_if(instances, [&](const RuleInstance& i) { return i.subject == subject; });
  if (subject.kind == SubjectKind::run)
    std::erase_if(runs, [&](const RunInfo& run) { return run.key == subject.key; });
  gone.push_back(subject);
}

void Commit::append(Commit&& later) {
  for (const Subject& subject : later.gone) drop(subject);
  later.gone.clear();
  const auto move_to = [](auto& from, auto& into) {
    if (into.empty()) {
      into = std::move(from);
      return;
    }
    into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  move_to(later.runs, runs);
  move_to(later.observations, observations);
  move_to(later.cursors, cursors);
  move_to(later.instances, instances);
  move_to(later.alerts, alerts);
  move_to(later.messages, messages);
  move_to(later.silences, silences);
  move_to(later.verdicts, verdicts);
}

Result<void> write_commit(Database& database, const Commit& commit) {
  if (Result<void> begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
  Sequence sequence(database);
  write_all(sequence, commit);
  Result<void> done = sequence.take();
  if (done && !commit.verdicts.empty()) done = limit_verdicts(database, {});
  failpoint("before-commit");
  if (done) done = database.execute("COMMIT");
  if (!done) {
    database.rollback();
    return done;
  }
  failpoint("after-commit");
  return done;
}

Result<StoredState> read_state(Database& database, std::size_t& skipped) {
  StoredState state;
  Result<void> done = for_rows(database, "SELECT body FROM run", skipped,
                               [&](Statement& s) { return keep(decode_run(s.text(0)), state.runs); });
  if (done) {
    done = for_rows(database, "SELECT subject, run, source, time, value FROM fact ORDER BY time", skipped,
                    [&](Statement& s) {
                      Result<Attributes> attributes = decode_attributes(s.text(4));
                      if (!attributes) return false;
                      Observation fact;
                      fact.kind = ObservationKind::facts;
                      fact.subject = subject_from(s.text(0));
                      fact.run = s.text(1);
                      fact.source = s.text(2);
                      fact.time = Time{Duration{s.integer(3)}};
                      fact.attributes = std::move(*attributes);
                      state.facts.push_back(std::move(fact));
                      return true;
                    });
  }
  if (done) {
    done = for_rows(database, "SELECT source, key, value FROM cursor", skipped, [&](Statement& s) {
      state.cursors.push_back({s.text(0), s.text(1), s.text(2)});
      return true;
    });
  }
  if (done) {
    done = for_rows(database, "SELECT rule, subject, state, body FROM instance", skipped, [&](Statement& s) {
      state.instances.push_back(
          {s.text(0), subject_from(s.text(1)), static_cast<AlertState>(s.integer(2)), s.text(3)});
      return true;
    });
  }
  if (done) {
    done = for_rows(database, "SELECT body FROM alert ORDER BY active DESC, ended_at DESC LIMIT 5000",
                    skipped, [&](Statement& s) { return keep(decode_alert(s.text(0)), state.alerts); });
  }
  if (done) {
    done = for_rows(database, "SELECT body FROM outbox WHERE state IN (0, 2) ORDER BY place", skipped,
                    [&](Statement& s) { return keep(decode_message(s.text(0)), state.unsent); });
  }
  if (done) {
    done = for_rows(database, "SELECT body FROM silence ORDER BY ends", skipped,
                    [&](Statement& s) { return keep(decode_silence(s.text(0)), state.silences); });
  }
  if (!done) return tl::unexpected<Error>(std::move(done.error()));
  return state;
}

Result<std::optional<VerdictRecord>> read_verdict(Database& database, const std::string& path) {
  Result<Statement*> found = database.cached(
      "SELECT device, inode, size, modified_ns, reader, checked, report FROM verdict WHERE path=?");
  if (!found) return tl::unexpected<Error>(std::move(found.error()));
  Statement& statement = **found;
  statement.bind(1, path);
  const Result<bool> row = statement.step();
  if (!row) return tl::unexpected<Error>(row.error());
  std::optional<VerdictRecord> verdict;
  if (*row) {
    verdict.emplace();
    verdict->path = path;
    verdict->device = static_cast<std::uint64_t>(statement.integer(0));
    verdict->inode = static_cast<std::uint64_t>(statement.integer(1));
    verdict->size = static_cast<std::uint64_t>(statement.integer(2));
    verdict->modified_ns = statement.integer(3);
    verdict->reader = statement.text(4);
    verdict->checked = Time{Duration{statement.integer(5)}};
    verdict->report = statement.text(6);
  }
  statement.reset();
  return verdict;
}

Result<void> limit_verdicts(Database& database, const VerdictBounds& bounds) {
  Result<Statement*> counted = database.cached("SELECT count(*), ifnull(sum(bytes), 0) FROM verdict");
  if (!counted) return tl::unexpected<Error>(std::move(counted.error()));
  const Result<bool> row = (*counted)->step();
  if (!row) return tl::unexpected<Error>(row.error());
  const bool over = (*counted)->integer(0) > bounds.records || (*counted)->integer(1) > bounds.bytes;
  (*counted)->reset();
  if (!over) return {};
  Sequence sequence(database);
  sequence.run(
      "DELETE FROM verdict WHERE rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER young AS "
      "place, "
      "sum(bytes) OVER young AS total FROM verdict WINDOW young AS (ORDER BY checked DESC, rowid DESC ROWS "
      "UNBOUNDED PRECEDING)) WHERE place > ? OR total > ?)",
      [&](Statement& s) { s.bind(1, bounds.records / 10 * 9).bind(2, bounds.bytes / 10 * 9); });
  return sequence.take();
}

namespace {

Result<void> read_points_from(Database& database, const std::string& subject, ObservationKind least,
                              const std::function<void(Observation&&)>& each) {
  Result<Statement> statement = database.prepare(
      "SELECT kind, run, source, seq, attempt, step, time, samples FROM point WHERE subject=? AND "
      "kind>=? ORDER BY id");
  if (!statement) return tl::unexpected<Error>(std::move(statement.error()));
  statement->bind(1, subject).bind(2, static_cast<std::int64_t>(least));
  for (;;) {
    const Result<bool> row = statement->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return {};
    Result<std::vector<Sample>> samples = decode_samples(statement->text(7));
    if (!samples) continue;
    Observation point;
    point.kind = static_cast<ObservationKind>(statement->integer(0));
    point.subject = subject_from(subject);
    point.run = statement->text(1);
    point.source = statement->text(2);
    point.seq = statement->integer(3);
    point.attempt = static_cast<std::uint32_t>(statement->integer(4));
    point.step = statement->integer(5);
    point.time = Time{Duration{statement->integer(6)}};
    point.samples = std::move(*samples);
    each(std::move(point));
  }
}

}  // namespace

Result<void> read_points(Database& database, const std::function<PointsWanted(const Subject&)>& wanted,
                         const std::function<void(Observation&&)>& each) {
  std::size_t skipped = 0;
  std::vector<std::pair<std::string, PointsWanted>> subjects;
  Result<void> done = for_rows(database, "SELECT DISTINCT subject FROM point", skipped, [&](Statement& s) {
    const PointsWanted what = wanted(subject_from(s.text(0)));
    if (what != PointsWanted::none) subjects.emplace_back(s.text(0), what);
    return true;
  });
  for (const auto& [subject, what] : subjects) {
    if (!done) break;
    const auto least = what == PointsWanted::all ? ObservationKind::row : ObservationKind::summary;
    done = read_points_from(database, subject, least, each);
  }
  return done;
}

Result<void> read_points_of(Database& database, const Subject& subject,
                            const std::function<void(Observation&&)>& each) {
  return read_points_from(database, subject_text(subject), ObservationKind::row, each);
}

Result<std::vector<Observation>> read_facts(Database& database, const std::vector<SubjectKind>& kinds) {
  Result<Statement> statement = database.prepare(
      "SELECT subject, run, source, time, value FROM fact WHERE subject >= ?1 || ':' AND subject < ?1 || ';' "
      "ORDER BY subject, name");
  if (!statement) return tl::unexpected<Error>(std::move(statement.error()));
  std::vector<Observation> all;
  for (const SubjectKind kind : kinds) {
    statement->bind(1, to_string(kind));
    std::string last;
    for (;;) {
      const Result<bool> row = statement->step();
      if (!row) return tl::unexpected<Error>(row.error());
      if (!*row) break;
      Result<Attributes> attributes = decode_attributes(statement->text(4));
      if (!attributes) continue;
      std::string subject = statement->text(0);
      if (subject != last) {
        Observation& one = all.emplace_back();
        one.kind = ObservationKind::facts;
        one.subject = subject_from(subject);
        one.run = statement->text(1);
        one.source = statement->text(2);
        last = std::move(subject);
      }
      all.back().time = std::max(all.back().time, Time{Duration{statement->integer(3)}});
      for (auto& attribute : *attributes) all.back().attributes.push_back(std::move(attribute));
    }
    statement->reset();
  }
  return all;
}

}  // namespace redflag::daemon
