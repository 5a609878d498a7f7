#include <algorithm>
#include <utility>

#include "agent/apply/apply.h"
#include "agent/apply/glance.h"
#include "agent/apply/pass.h"

namespace bedplate::apply {
namespace {

using plan::Action;

// On disk lie at least the newest 20, and at most 30, so that not every generation pays for the tidying.
constexpr std::size_t kKeptGenerations = 20;
constexpr std::size_t kMostGenerations = 30;
// What needs the disk or systemd is not tried again at every look.
constexpr std::int64_t kRetryNs = 60'000'000'000;
// As many as the store keeps.
constexpr std::size_t kContestEvents = 10'000;

bool isFile(Action action) {
  return action == Action::writeFile || action == Action::restoreFile || action == Action::removeFile;
}

bool isTolerated(const Outcome& outcome) {
  return !outcome.error && outcome.change.note.compare(0, 10, "tolerated:") == 0;
}

std::map<std::string, Outcome> unsettledOf(const std::vector<Outcome>& outcomes) {
  std::map<std::string, Outcome> unsettled;
  for (const auto& outcome : outcomes)
    if (outcome.error || isTolerated(outcome)) unsettled.insert_or_assign(outcome.change.subject, outcome);
  return unsettled;
}

std::set<std::string> subjectsOf(const std::vector<plan::Pending>& pending) {
  std::set<std::string> subjects;
  for (const auto& one : pending) subjects.insert(one.subject);
  return subjects;
}

// All but when things were last tried: another generation does not mend a module.
void forgetAll(Notes& notes) {
  Notes fresh;
  fresh.tried = std::move(notes.tried);
  fresh.groupOpen = notes.groupOpen;
  fresh.parked = notes.parked;
  notes = std::move(fresh);
}

void addNote(RunResult& result, const std::string& text) {
  if (text.empty()) return;
  if (!result.note.empty()) result.note += "; ";
  result.note += text;
}

// All but files (and the words for people) is alike.
bool sameButFiles(const plan::Target& a, const plan::Target& b) {
  const auto rules = [](const auto& x, const auto& y) { return x.rule == y.rule && x.layer == y.layer; };
  const auto entries = [](const auto& x, const auto& y) { return x.entry == y.entry && x.layer == y.layer; };
  const auto paths = [](const auto& x, const auto& y) { return x.path == y.path; };
  return a.driftEnforce == b.driftEnforce &&
         std::equal(a.sysctls.begin(), a.sysctls.end(), b.sysctls.begin(), b.sysctls.end(), rules) &&
         std::equal(a.modules.begin(), a.modules.end(), b.modules.begin(), b.modules.end(), entries) &&
         std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(), paths);
}

// The files that a run put in place, when it did that and nothing else, and all went well.
std::optional<std::vector<std::string>> onlyPut(const RunResult& result) {
  std::vector<std::string> paths;
  if (!result.note.empty()) return std::nullopt;
  for (const auto& outcome : result.outcomes) {
    if (outcome.change.action != Action::writeFile || outcome.error) return std::nullopt;
    paths.push_back(outcome.change.subject);
  }
  return paths;
}

Outcome bootFailure(const host::Error& error) {
  return {{Action::writeFile, error.thing, "", "", "", "what systemd sets at boot"}, error};
}

}  // namespace

bool RunResult::failed() const {
  return std::any_of(outcomes.begin(), outcomes.end(), [](const auto& outcome) { return outcome.error.has_value(); });
}

Keeper::Keeper(Machine machine, Store& store) : machine_(machine), store_(store) {}
Keeper::~Keeper() = default;

void Keeper::lookWhole() { glance_.reset(); }

void Keeper::hear(const News& news) {
  seen_.hear(news);
  keysTold_ = news.keys;
  if (glance_) glance_->touch(news.touched);
}

host::Status Keeper::loadNotes() {
  Notes& notes = store_.notes();
  forgetAll(notes);
  BEDPLATE_TRY(findOpenGroup());
  BEDPLATE_TRY_LET(notes.parked, store_.parked());
  BEDPLATE_TRY_LET(const auto current, store_.latest(GenerationState::applied));
  if (current) {
    notes.number = current->number;
    notes.digest = current->digest;
    notes.unsettled = unsettledOf(current->outcomes);
  }
  BEDPLATE_TRY_LET(const auto drifts, store_.drift(current ? current->finishedUs : 0, 1000));
  for (const auto& event : drifts) notes.reported.emplace(event.subject, event.repaired ? "" : event.from);
  std::erase_if(notes.reported, [](const auto& entry) { return entry.second.empty(); });
  BEDPLATE_TRY(loadContests(current ? current->finishedUs : 0));
  notes.settled = true;
  return {};
}

host::Status Keeper::loadContests(std::int64_t sinceUs) {
  const std::int64_t nowUs = machine_.clock.wallUs();
  const std::int64_t oldest = nowUs - Contests::kTruceUs - Contests::kWindowUs;
  BEDPLATE_TRY_LET(const auto events, store_.drift(std::max(sinceUs, oldest), kContestEvents));
  store_.notes().contests = contestsOf(events);
  return {};
}

host::Status Keeper::ready(RunResult* recovered) {
  if (store_.notes().settled) return {};
  BEDPLATE_TRY_LET(const auto newest, store_.history(1));
  if (newest.empty() || newest[0].state != GenerationState::applying) return loadNotes();
  BEDPLATE_TRY_LET(*recovered, recover());
  return {};
}

host::Result<std::shared_ptr<const plan::Target>> Keeper::targetOf(std::int64_t number) {
  if (!target_ || target_->number != number) {
    target_.reset();
    BEDPLATE_TRY_LET(auto target, Generations(machine_.files).read(number));
    target_.emplace(InForce{number, std::make_shared<const plan::Target>(std::move(target))});
  }
  return target_->target;
}

host::Result<std::shared_ptr<const plan::Target>> Keeper::inForce() { return targetOf(store_.notes().number); }

host::Result<std::shared_ptr<const plan::Target>> Keeper::current() {
  BEDPLATE_TRY_LET(const auto row, store_.latest(GenerationState::applied, Store::With::noOutcomes));
  if (!row) return nullptr;
  return targetOf(row->number);
}

// What was just applied need not be read again.
void Keeper::remember(const plan::Target& target) {
  auto kept = std::make_shared<plan::Target>(target);
  kept->overwritten.clear();  // as it is read from disk
  for (auto& file : kept->files) {
    file.content.reset();
    file.objects.reset();
  }
  target_.emplace(InForce{store_.notes().number, std::move(kept)});
}

host::Result<plan::Plan> Keeper::plan(const plan::Target& target) {
  Pass pass(machine_, store_, target, seen_);
  BEDPLATE_TRY(pass.look());
  return pass.plan();
}

host::Result<std::optional<plan::Target>> Keeper::stored(std::optional<std::int64_t> number) {
  BEDPLATE_TRY_LET(const auto row, number ? store_.generation(*number) : store_.latest(GenerationState::applied));
  if (!row) return std::optional<plan::Target>();
  const Generations generations(machine_.files);
  BEDPLATE_TRY_LET(auto target, generations.read(row->number));
  for (auto& file : target.files) {
    BEDPLATE_TRY_LET(file.content, generations.content(file.sha256));
  }
  return std::optional<plan::Target>(std::move(target));
}

host::Result<RunResult> Keeper::apply(const plan::Target& target, const std::string& cause, std::string digest) {
  RunResult recovered;
  BEDPLATE_TRY(ready(&recovered));
  if (digest.empty()) digest = plan::digest(target);
  const Notes& notes = store_.notes();
  const bool back = std::exchange(unparked_, false);
  host::Result<RunResult> result;
  if (notes.number != 0 && digest == notes.digest) {
    // Its files on disk are damaged: here is the target they were made from.
    if (!inForce()) BEDPLATE_TRY(Generations(machine_.files).write(notes.number, target));
    if (unchanged(target.driftEnforce) && (keysTold_ || !glance_->globs())) {
      recovered.pending = glance_->pending();
      return recovered;
    }
    result = lookAfter(target, {.enforce = target.driftEnforce, .retryAll = true, .back = back});
  } else {
    result = advance(target, cause, digest);
  }
  if (result) addNote(*result, recovered.note);
  return result;
}

host::Result<RunResult> Keeper::advance(const plan::Target& target, const std::string& cause,
                                        const std::string& digest) {
  Generations generations(machine_.files);
  Pass pass(machine_, store_, target, seen_);
  BEDPLATE_TRY(pass.look());
  BEDPLATE_TRY(decideGroup(pass));
  BEDPLATE_TRY(store_.addSealedPaths(target));
  BEDPLATE_TRY(pass.prepare(false));
  Generation row;
  row.commit = target.commit;
  row.subject = target.subject;
  row.tree = target.tree;
  row.digest = digest;
  row.cause = cause;
  row.bootId = pass.seen().bootId;
  BEDPLATE_TRY_LET(row.number, store_.nextNumber());
  if (auto written = generations.write(row.number, target); !written) {
    static_cast<void>(generations.remove(row.number));
    return tl::make_unexpected(std::move(written).error());
  }
  const auto number = store_.begin(row);
  if (!number) {
    static_cast<void>(generations.remove(row.number));
    return tl::make_unexpected(number.error());
  }
  if (auto taken = pass.takeOriginals(); !taken) {
    // Nothing on the host was touched. Should this fail as well, the next start finishes or undoes it.
    const bool ended = store_.finish(*number, GenerationState::rolledBack, taken.error().text(), {}).has_value();
    if (ended) static_cast<void>(generations.remove(*number));
    store_.notes().settled = ended && store_.notes().settled;
    return tl::make_unexpected(std::move(taken).error());
  }
  return complete(pass, *number, GenerationState::applied, "", digest);
}

RunResult Keeper::complete(Pass& pass, std::int64_t number, GenerationState state, const std::string& why,
                           std::string digest) {
  RunResult result;
  Notes& notes = store_.notes();
  std::unique_ptr<Glance> glance = std::move(glance_);
  if (glance && (!target_ || !glance->of(store_) || !sameButFiles(pass.target(), *target_->target))) glance.reset();
  notes.settled = false;
  pass.execute();
  if (auto written = pass.writeBoot(); !written) pass.outcomes().push_back(bootFailure(written.error()));
  if (auto settled = pass.settle(); !settled)
    addNote(result, "what was given back is still listed: " + settled.error().text());
  result.outcomes = std::move(pass.outcomes());
  result.pending = pass.plan().pending;
  result.generation = number;
  addNote(result, pass.tookBack());
  const std::string& said = why.empty() ? pass.tookBack() : why;
  if (auto finished = store_.finish(number, state, said, result.outcomes); !finished) {
    addNote(result, "the end of generation " + std::to_string(number) + " could not be recorded (" +
                        finished.error().text() + "); the next run finishes it");
    return result;
  }
  if (state == GenerationState::applied) {
    forgetAll(notes);
    notes.settled = true;
    notes.number = number;
    notes.digest = digest.empty() ? plan::digest(pass.target()) : std::move(digest);
    remember(pass.target());
  } else {
    static_cast<void>(Generations(machine_.files).remove(number));
    if (auto loaded = loadNotes(); !loaded) addNote(result, loaded.error().text());
  }
  notes.unsettled = unsettledOf(result.outcomes);
  notes.pending = subjectsOf(result.pending);
  const auto put = onlyPut(result);
  if (glance && put && subjectsOf(glance->pending()) == notes.pending &&
      glance->carry(machine_, store_, pass.target(), *put))
    glance_ = std::move(glance);
  prune();
  return result;
}

void Keeper::prune() {
  Generations generations(machine_.files);
  const auto numbers = generations.numbers();
  if (!numbers || numbers->size() <= kMostGenerations) return;
  const auto history = store_.history(1000);
  if (!history) return;
  std::set<std::int64_t> keep;
  for (const auto& row : *history)
    if (row.state != GenerationState::rolledBack && keep.size() < kKeptGenerations) keep.insert(row.number);
  // What K3s is taken back to, however long ago that was.
  const auto confirmed = store_.k3sConfirmed();
  if (!confirmed) return;
  keep.insert(*confirmed);
  generations.prune(keep);
}

bool Keeper::unchanged(bool enforce) {
  return glance_ && glance_->of(store_) && glance_->same(machine_, enforce, seen_);
}

host::Result<RunResult> Keeper::repair(bool enforce, const Writers& writers) {
  RunResult recovered;
  BEDPLATE_TRY(ready(&recovered));
  if (store_.notes().number == 0) return recovered;
  BEDPLATE_TRY_LET(const auto target, inForce());
  const bool acts = enforce && target->driftEnforce;
  glances_ = true;
  if (unchanged(acts)) {
    recovered.pending = glance_->pending();
    return recovered;
  }
  auto result = lookAfter(*target, {.enforce = acts, .back = std::exchange(unparked_, false)}, writers);
  if (result) addNote(*result, recovered.note);
  return result;
}

host::Result<RunResult> Keeper::lookAfter(const plan::Target& target, const Look& look, const Writers& writers) {
  glance_.reset();
  Notes& notes = store_.notes();
  Pass pass(machine_, store_, target, seen_);
  BEDPLATE_TRY(pass.look());
  std::vector<DriftEvent> drifts = findDrift(pass, look, writers);
  std::set<std::string> drifted;
  for (const auto& event : drifts) drifted.insert(event.subject);
  const std::int64_t now = machine_.clock.monotonicNs();
  std::set<std::string> planned;
  for (const auto& change : pass.plan().changes) planned.insert(change.subject);
  for (const auto& [subject, last] : notes.unsettled) {
    const auto tried = notes.tried.find(subject);
    const bool costly = last.change.action == Action::loadModule || isFile(last.change.action);
    if (!look.retryAll && costly && planned.count(subject) != 0 && tried != notes.tried.end() &&
        now - tried->second < kRetryNs)
      pass.defer(last);
  }
  BEDPLATE_TRY(decideGroup(pass, look, drifted));

  RunResult result;
  const bool idle = pass.idle();
  if (!idle) {
    BEDPLATE_TRY(pass.prepare(true));
    if (auto taken = pass.takeOriginals(); !taken) addNote(result, taken.error().text());
    pass.execute();
    addNote(result, pass.tookBack());
  }
  if (auto written = pass.writeBoot(); !written) pass.outcomes().push_back(bootFailure(written.error()));
  if (!idle) {
    if (auto settled = pass.settle(); !settled) addNote(result, settled.error().text());
  }
  result.outcomes = std::move(pass.outcomes());
  result.pending = pass.plan().pending;
  for (auto& event : drifts) event.repaired = event.repaired && pass.unsettled().count(event.subject) == 0;
  if (auto recorded = recordDrift(drifts, result); !recorded) addNote(result, recorded.error().text());
  updateOutcomes(result);
  notes.pending = subjectsOf(result.pending);
  if (glances_ && idle && result.outcomes.empty() && result.note.empty() && notes.unsettled.empty()) {
    glance_ = Glance::make(machine_, target, pass.seen(), pass.held(), seen_, look.enforce);
    if (glance_) glance_->remember(store_, result.pending);
  }
  return result;
}

// The generation's outcomes say how things stand: what failed and now holds, and the other way round.
void Keeper::updateOutcomes(RunResult& result) {
  Notes& notes = store_.notes();
  std::map<std::string, Outcome> now = unsettledOf(result.outcomes);
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.error.has_value() == b.second.error.has_value() &&
           (!a.second.error ||
            (a.second.error->reason == b.second.error->reason && a.second.error->why == b.second.error->why));
  };
  const bool changed = !std::equal(now.begin(), now.end(), notes.unsettled.begin(), notes.unsettled.end(), same);
  if (!changed) return;
  auto row = store_.generation(notes.number);
  host::Status written;
  if (row && *row) {
    std::vector<Outcome>& all = (*row)->outcomes;
    std::erase_if(all, [&](const Outcome& old) {
      return notes.unsettled.count(old.change.subject) != 0 || now.count(old.change.subject) != 0;
    });
    for (const auto& outcome : result.outcomes) {
      const auto& subject = outcome.change.subject;
      if (notes.unsettled.count(subject) != 0 || now.count(subject) != 0) all.push_back(outcome);
    }
    written = store_.setOutcomes(notes.number, all);
  }
  if (!written) addNote(result, written.error().text());
  if (written) notes.unsettled = std::move(now);
}

}  // namespace bedplate::apply
