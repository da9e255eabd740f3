package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"trapline/config"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/member"
	"trapline/internal/mute"
	"trapline/internal/notify"
	"trapline/internal/outage"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/poller"
	"trapline/internal/quorum"
	"trapline/internal/statedir"
	"trapline/internal/union"
)

// notifier notifies the receivers, and stores the alarms that rules raise.
type notifier struct {
	storage  atomic.Pointer[storage]
	opened   chan struct{}                        // closed once there is an outbox
	handOver func(*storage, *config.Config) error // hands the storage that a reload has opened to other parts
	metrics  *outbox.Metrics                      // nil before there was a state directory
	tracker  *outage.Tracker                      // of devices that do not answer
	links    *links                               // between targets
	groups   notify.WebhookGroups                 // of alarms in one message
	mutes    atomic.Pointer[mute.Rules]           // of the configuration
	shared   atomic.Pointer[union.Alarms]         // of all members of a cluster; nil without one
	started  *config.Config                       // whose state directory and engine hold until the end
	member   *member.Member                       // nil without a cluster
	registry prometheus.Registerer
	logger   *slog.Logger
}

// storage is where alarms and events are kept. Without a state directory that is in memory: there is a journal and
// a function that takes the alarms of rules, and all else is nil.
type storage struct {
	state   *statedir.Dir
	journal *journal.Journal
	unsent  func([]outbox.Transition, time.Time)
	outbox  *outbox.Outbox
	engine  ledger.Store // of the cluster, in the place of the state directory; nil without one
	quorum  *quorum.Alarm
	inlet   http.Handler
}

// openNotifier starts our engine and loads the queues that the last process left.
func openNotifier(c *config.Config, m *member.Member, registry prometheus.Registerer, logger *slog.Logger) (*notifier, error) {
	n := &notifier{member: m, tracker: newTracker(m, logger), opened: make(chan struct{}), registry: registry, logger: logger, handOver: func(*storage, *config.Config) error { return nil }}
	n.links = newLinks(n.tracker, logger)
	if err := n.open(c); err != nil {
		return nil, err
	}
	if n.storage.Load() == nil {
		j, err := journal.Open(journal.Options{Logger: logger})
		n.storage.Store(&storage{journal: j, unsent: newUnsent(j, logger).record})
		return n, err
	}
	return n, nil
}

// open opens the state directory of a configuration. If there is none, or none that can be used and nothing that
// cannot do without, all stays as it is.
func (n *notifier) open(c *config.Config) error {
	if c.StateDir == "" {
		return nil
	}
	now := time.Now()
	state, err := statedir.Open(c.StateDir, c.Notifications.ID(), now)
	optional := n.member == nil && len(c.Receivers) == 0 // the alarms of members are shared
	if err != nil && optional && len(c.Rules.Groups) == 0 {
		n.logger.Warn("the state directory cannot be used: a reload tries again", "err", err)
		return nil
	}
	if err != nil && optional && c.UsualStateDir {
		n.logger.Warn("alerts of rules are kept in memory alone, and begin anew at each start: set a state_dir", "err", err)
		c.StateDir = ""
		return nil
	}
	if err != nil {
		return err
	}
	if err := n.openOutbox(&storage{state: state}, c, now); err != nil {
		return errors.Join(err, state.Close())
	}
	return nil
}

// openOutbox has alarms kept in the state directory that was opened.
func (n *notifier) openOutbox(s *storage, c *config.Config, now time.Time) (err error) {
	if n.metrics == nil {
		n.metrics = outbox.NewMetrics(n.registry)
	}
	routes, err := n.routes(c, s.state)
	if err != nil {
		return err
	}
	mutes, err := mutesOf(c)
	if err != nil {
		return err
	}
	s.journal = openJournal(c, n.logger)
	before := n.storage.Load()
	if before != nil {
		copyEntries(s.journal, before.journal)
	}
	inhibit, err := cause.ParseRules(c.InhibitRules)
	if err != nil {
		return err
	}
	if err := n.tracker.Configure(&c.Topology, devicesOf(c)); err != nil {
		return err
	}
	outages := func(down outbox.DownOf) *cause.Outages { return n.startOutages(s.state, c, mutes, down) }
	var cluster *shards.Cluster
	cluster, s.engine = n.member.Sharing()
	err = n.withMutes(mutes, func() (err error) {
		s.outbox, err = outbox.New(s.state, routes, outbox.Options{
			Logger: n.logger, Metrics: n.metrics, Journal: s.journal, Mutes: mutes, Inhibit: inhibit, Outages: outages,
			Deployment: c.Notifications.Deployment, Ignored: c.Notifications.AlarmIdentityIgnores, MaxAlarms: c.Notifications.MaxAlarms,
			Cluster: cluster, Engine: s.engine,
		}, now)
		return err
	})
	if err == nil && cluster != nil {
		s.quorum, err = n.openQuorum(c, routes, mutes, now)
	}
	if err == nil {
		err = n.handOver(s, c)
	}
	if err != nil {
		return errors.Join(err, s.quorum.Close(), s.journal.Close())
	}
	n.registry.MustRegister(s.outbox, s.state)
	inlet := http.NewServeMux()
	(&notify.AlertsAPI{Outbox: s.outbox, Apply: n.apply, Deployment: c.Notifications.Deployment, Logger: n.logger, StateDir: s.state.Path}).Register(inlet)
	s.inlet, n.started = inlet, c
	n.storage.Store(s)
	close(n.opened)
	return nil
}

// openQuorum opens the alarm that a member of a cluster sends by itself.
func (n *notifier) openQuorum(c *config.Config, routes []*queue.Route, mutes *mute.Rules, now time.Time) (*quorum.Alarm, error) {
	o := n.member.Quorum()
	o.Dir, o.Deployment, o.Metrics = filepath.Join(c.StateDir, "quorum"), c.Notifications.Deployment, n.metrics
	return quorum.Open(o, routes, mutes, now)
}

// maxCopied is how many entries of a journal in memory are stored when there is a place for them.
const maxCopied = 10_000

// copyEntries copies the entries of one journal to another one.
func copyEntries(to, from *journal.Journal) {
	entries, _ := from.Query(context.Background(), journal.Query{Limit: maxCopied}) // it is in memory
	for _, e := range slices.Backward(entries) {
		to.Note(e)
	}
}

// openJournal opens the journal of the state directory. Nothing else waits for one that cannot be used.
func openJournal(c *config.Config, logger *slog.Logger) *journal.Journal {
	j, err := journal.Open(journal.Options{
		Dir: filepath.Join(c.StateDir, "journal"), MaxAge: c.Journal.MaxAge.Duration, MaxBytes: c.Journal.MaxBytes.N, Logger: logger,
	})
	if err != nil {
		logger.Error("the journal cannot be opened, and is kept in memory", "err", err)
		j, _ = journal.Open(journal.Options{Logger: logger}) // which needs no file
	}
	return j
}

// note adds an entry to the journal that is about no alarm.
func (n *notifier) note(e journal.Event) {
	if s := n.storage.Load(); s.outbox != nil {
		s.outbox.Note(e)
	} else {
		s.journal.Note(e)
	}
}

// noteState notes that a target has entered a state.
func (n *notifier) noteState(t *poller.Target, c poller.Change) {
	n.note(journal.Event{At: c.At, Kind: journal.TargetState, Target: t.Name, Value: c.State.String(), Reason: c.Reason, Text: c.Text})
}

// noteReload notes that the configuration was read again, or why it was refused.
func (n *notifier) noteReload(targets int, err error) {
	e := journal.Event{Kind: journal.Reload, Value: "accepted", Text: fmt.Sprintf("configuration reloaded: %d targets", targets)}
	if err != nil {
		e.Value, e.Text = "refused", "reload refused: "+firstLine(err.Error(), maxReloadText)
	}
	n.note(e)
}

// maxReloadText is how many octets of an error are kept.
const maxReloadText = 300

// firstLine is the first line of a text, as far as it has no more than so many octets.
func firstLine(text string, most int) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func (n *notifier) routes(c *config.Config, state *statedir.Dir) (routes []*queue.Route, err error) {
	shared := &notify.Dependencies{Settings: &c.Notifications, Auths: c.Auths, Identity: state.Identity, Metrics: n.metrics, Names: c.Names, Logger: n.logger, Targets: n.targetLabels, Groups: &n.groups}
	for i := range c.Receivers {
		r, err := notify.NewRoute(&c.Receivers[i], shared)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// paused returns why a target is not polled at a moment, "" if it is.
func (n *notifier) paused(target string, at time.Time) string {
	if window := n.mutes.Load().Paused(target, at); window != "" {
		return string(mute.ByMaintenance) + " " + window
	}
	return ""
}

// pausedSince returns since when a target that is not polled at a moment is not, the moment itself if it is polled.
func (n *notifier) pausedSince(target string, at time.Time) time.Time {
	return n.mutes.Load().PausedSince(target, at)
}

// targetLabels returns the labels of a target in the configuration.
func (n *notifier) targetLabels(name string) map[string]string {
	return n.mutes.Load().TargetLabels(name)
}

// withMutes calls give with other mutes for receivers, and restores those before if it fails.
func (n *notifier) withMutes(m *mute.Rules, give func() error) error {
	before := n.mutes.Swap(m)
	err := give()
	if err != nil {
		n.mutes.Store(before)
	}
	return err
}

// mutesOf returns the mutes of a configuration.
func mutesOf(c *config.Config) (*mute.Rules, error) {
	r, err := mute.NewRules(c.TimeIntervals, c.Maintenance, allLabels(c))
	if err == nil {
		r.Flap, r.Storm = c.RuleSettings.Flap, c.Notifications.Storm
	}
	return r, err
}

// allLabels returns the labels of the targets of a configuration by name.
func allLabels(c *config.Config) map[string]map[string]string {
	targets := map[string]map[string]string{}
	for i := range c.Targets {
		targets[c.Targets[i].Name] = labelsOf(c, i)
	}
	return targets
}

// labelsOf returns the labels of a target of a configuration.
func labelsOf(c *config.Config, i int) map[string]string {
	t := c.Targets[i]
	t.Effective(&c.Global)
	return t.Labels
}

// reload has the receivers of another configuration notified, or changes nothing. The first configuration that has
// something to keep opens the state directory.
func (n *notifier) reload(c *config.Config) error {
	s := n.storage.Load()
	if s.outbox == nil {
		if err := n.open(c); err != nil {
			return fmt.Errorf("state_dir: %w", err)
		}
		return nil
	}
	routes, err := n.routes(c, s.state)
	if err != nil {
		return err
	}
	mutes, err := mutesOf(c)
	if err != nil {
		return err
	}
	inhibit, err := cause.ParseRules(c.InhibitRules)
	if err != nil {
		return err
	}
	s.outbox.SetInhibitRules(inhibit)
	return n.withMutes(mutes, func() error {
		if err := s.outbox.SetRoutes(routes, mutes, time.Now()); err != nil {
			return err
		}
		return s.quorum.SetRoutes(routes, mutes, time.Now())
	})
}

// later are the settings of a configuration that take effect with the next start.
func (n *notifier) later(c *config.Config) (names []string) {
	if n.storage.Load().outbox == nil {
		return nil
	}
	for name, changed := range map[string]bool{
		"state_dir":                c.StateDir != n.started.StateDir && c.StateDir != "",
		"journal":                  c.Journal != n.started.Journal,
		"notifications.engine_id":  !bytes.Equal(c.Notifications.ID(), n.started.Notifications.ID()),
		"notifications.deployment": c.Notifications.Deployment != n.started.Notifications.Deployment,
		"notifications.max_alarms": c.Notifications.MaxAlarms != n.started.Notifications.MaxAlarms,

		"notifications.alarm_identity_ignores": !slices.Equal(c.Notifications.AlarmIdentityIgnores, n.started.Notifications.AlarmIdentityIgnores),
	} {
		if changed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// run sends notifications until parts is canceled. ctx is canceled before, where a member of a cluster hands its targets over.
func (n *notifier) run(ctx, parts context.Context) error {
	select {
	case <-parts.Done():
		return nil
	case <-n.opened:
	}
	s := n.storage.Load()
	if s.quorum == nil {
		return s.outbox.Run(parts)
	}
	group, parts := errgroup.WithContext(parts)
	group.Go(func() error { return s.outbox.Run(parts) })
	group.Go(func() error { return s.quorum.Run(ctx, parts) })
	return group.Wait()
}

// serveInlet takes alerts, and manages receivers as /api/v1/outbox does.
func (n *notifier) serveInlet(w http.ResponseWriter, r *http.Request) {
	if s := n.storage.Load(); s.inlet != nil {
		s.inlet.ServeHTTP(w, r)
		return
	}
	http.Error(w, "alerts are not taken, for there is no place to keep them: set state_dir or receivers in the configuration, and reload it", http.StatusServiceUnavailable)
}

// healthy returns why alarms cannot be stored, or nil.
func (n *notifier) healthy() error {
	if s := n.storage.Load(); s.state != nil {
		return s.state.Healthy()
	}
	return nil
}

func (n *notifier) close(logger *slog.Logger) {
	s := n.storage.Load()
	if err := s.journal.Close(); err != nil {
		logger.Error("closing the journal", "err", err)
	}
	if s.state == nil {
		return
	}
	if err := errors.Join(s.quorum.Close(), s.state.Close()); err != nil {
		logger.Error("closing the state directory", "err", err)
	}
}
