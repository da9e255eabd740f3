package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/journal"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// notifier is what tells receivers, and keeps the alarms that rules raise. All of it is nil where the
// configuration had no state directory at the start, or none that could be used and nothing to use it for.
type notifier struct {
	state   *notify.State
	journal *journal.Journal
	unsent  func([]notify.Transition, time.Time) // gets the alarms of rules if there is no outbox
	outbox  *notify.Outbox
	inlet   *notify.Inlet
	metrics *notify.Metrics
	started *config.Config // whose state directory and engine hold until the end
	logger  *slog.Logger
}

// openNotifier starts our engine and takes up what the last process left to tell.
func openNotifier(c *config.Config, registry prometheus.Registerer, logger *slog.Logger) (*notifier, error) {
	if c.StateDir == "" {
		return withoutState(logger)
	}
	now := time.Now()
	state, err := notify.Open(c.StateDir, c.Notifications.ID(), now)
	if err != nil && len(c.Receivers)+len(c.Rules.Groups) == 0 {
		logger.Warn("receivers and rules will need a restart", "err", err)
		return withoutState(logger)
	}
	if err != nil && len(c.Receivers) == 0 && c.UsualStateDir {
		logger.Warn("alerts of rules are kept in memory alone, and begin anew at each start: set a state_dir", "err", err)
		c.StateDir = ""
		return withoutState(logger)
	}
	if err != nil {
		return nil, err
	}
	n := &notifier{state: state, journal: openJournal(c, logger), metrics: notify.NewMetrics(registry), started: c, logger: logger}
	routes, err := n.routes(c)
	if err != nil {
		return nil, errors.Join(err, state.Close())
	}
	n.outbox, err = notify.NewOutbox(state, routes, notify.OutboxOptions{
		Logger: logger, Metrics: n.metrics, Journal: n.journal,
		Deployment: c.Notifications.Deployment, Ignored: c.Notifications.AlarmIdentityIgnores, MaxAlarms: c.Notifications.MaxAlarms,
	}, now)
	if err != nil {
		return nil, errors.Join(err, state.Close())
	}
	registry.MustRegister(n.outbox, state)
	n.inlet = &notify.Inlet{Outbox: n.outbox, Deployment: c.Notifications.Deployment, Logger: logger}
	return n, nil
}

// withoutState notifies nobody, and keeps the last entries of the journal in memory.
func withoutState(logger *slog.Logger) (*notifier, error) {
	j, err := journal.Open(journal.Options{Logger: logger})
	return &notifier{journal: j, unsent: notify.NewUnsent(j, logger).Apply}, err
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
func (n *notifier) note(e journal.Entry) {
	if n.outbox != nil {
		n.outbox.Note(e)
	} else {
		n.journal.Note(e)
	}
}

// noteState notes that a target has entered a state.
func (n *notifier) noteState(t *poller.Target, c poller.Change) {
	n.note(journal.Entry{At: c.At, Kind: journal.TargetState, Target: t.Name, Value: c.State.String(), Reason: c.Reason, Text: c.Text})
}

// noteReload notes that the configuration was read again, or why it was refused.
func (n *notifier) noteReload(targets int, err error) {
	e := journal.Entry{Kind: journal.Reload, Value: "accepted", Text: fmt.Sprintf("configuration reloaded: %d targets", targets)}
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

func (n *notifier) routes(c *config.Config) (routes []*notify.Route, err error) {
	shared := &notify.Shared{Settings: &c.Notifications, Auths: c.Auths, Identity: n.state.Identity, Metrics: n.metrics, Names: c.Names, Logger: n.logger}
	for i := range c.Receivers {
		r, err := notify.NewRoute(&c.Receivers[i], shared)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// reload has the receivers of another configuration told, or changes nothing.
func (n *notifier) reload(c *config.Config) error {
	if n.outbox == nil {
		if len(c.Receivers) > 0 {
			return errors.New("receivers: this process was started without a state_dir: restart it to have receivers notified")
		}
		return nil
	}
	routes, err := n.routes(c)
	if err != nil {
		return err
	}
	if err := n.outbox.SetRoutes(routes, time.Now()); err != nil {
		return err
	}
	for name, changed := range map[string]bool{
		"state_dir":                c.StateDir != n.started.StateDir,
		"journal":                  c.Journal != n.started.Journal,
		"notifications.engine_id":  !bytes.Equal(c.Notifications.ID(), n.started.Notifications.ID()),
		"notifications.deployment": c.Notifications.Deployment != n.started.Notifications.Deployment,
		"notifications.max_alarms": c.Notifications.MaxAlarms != n.started.Notifications.MaxAlarms,

		"notifications.alarm_identity_ignores": !slices.Equal(c.Notifications.AlarmIdentityIgnores, n.started.Notifications.AlarmIdentityIgnores),
	} {
		if changed {
			n.logger.Warn("a setting has changed that takes effect with the next start", "setting", name)
		}
	}
	return nil
}

func (n *notifier) run(ctx context.Context) error {
	if n.outbox == nil {
		return nil
	}
	return n.outbox.Run(ctx)
}

// healthy returns why alarms cannot be stored, or nil.
func (n *notifier) healthy() error {
	if n.state == nil {
		return nil
	}
	return n.state.Healthy()
}

func (n *notifier) close(logger *slog.Logger) {
	if err := n.journal.Close(); err != nil {
		logger.Error("closing the journal", "err", err)
	}
	if n.state == nil {
		return
	}
	if err := n.state.Close(); err != nil {
		logger.Error("closing the state directory", "err", err)
	}
}

func addEngine(app *kingpin.Application, commands map[string]command) {
	c := app.Command("engine", "Print the engine ID that Trapline sends traps of SNMPv3 with, its boots, and the lines by which snmptrapd knows the users of the configuration's receivers.")
	stateDir := c.Flag("state-dir", "Print what is in this state directory, and read no configuration.").String()
	files, expandEnv := addConfigFlags(c)
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		cfg := &config.Config{StateDir: *stateDir}
		if *stateDir == "" {
			w, err := load(*files, *expandEnv, "")
			if err != nil {
				return err
			}
			if cfg = w.config; cfg.StateDir == "" {
				return errors.New("the configuration has no state_dir: set it, or give --state-dir")
			}
		}
		return printEngine(cfg)
	}
}

func printEngine(c *config.Config) error {
	id, boots, err := notify.Engine(c.StateDir, c.Notifications.ID(), time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("engine_id: %x # %s\nboots: %d\n", id, snmp.DescribeEngineID(id), boots)
	for i := range c.Receivers {
		r := &c.Receivers[i]
		if c.Auths[r.Auth] == nil {
			continue
		}
		line, err := r.CreateUser(c.Auths[r.Auth], id)
		if err != nil {
			return fmt.Errorf("receiver %s: %w", r.Name, err)
		}
		if line != "" {
			fmt.Printf("# receiver %s\n%s\n", r.Name, line)
		}
	}
	return nil
}

func addNotify(app *kingpin.Application, commands map[string]command) {
	c := app.Command("notify", "Try the receivers of the configuration; no server has to run.").Command("test", "Send a receiver of the configuration a test, with or without a server, and print whether it is acknowledged.")
	to := c.Flag("to", "Name of the receiver.").Required().String()
	notification := c.Flag("type", "Name or OID of the notification to send, such as coldStart; without it, that of the receiver's format.").String()
	server := addServerFlags(c)
	files, expandEnv := addConfigFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		if server.urlGiven {
			return testAtServer(ctx, server, *to, *notification)
		}
		w, err := load(*files, *expandEnv, "")
		if err != nil {
			return err
		}
		text, err := testReceiver(ctx, w.config, *to, *notification, logger)
		if err == nil {
			fmt.Println(text)
		}
		return err
	}
}

// testReceiver sends a test to a receiver, beside the server if that runs.
func testReceiver(ctx context.Context, c *config.Config, name, notification string, logger *slog.Logger) (string, error) {
	i := slices.IndexFunc(c.Receivers, func(r notify.ReceiverSettings) bool { return r.Name == name })
	if i < 0 {
		var names []string
		for _, r := range c.Receivers {
			names = append(names, r.Name)
		}
		return "", usagef("the configuration has no receiver %q%s", name, didYouMean(name, names))
	}
	now := time.Now()
	event := notify.TestEvent(now)
	r := c.Receivers[i]
	if notification != "" {
		if err := r.TestBy(notification, event, c.Names); err != nil {
			return "", err
		}
	}
	identity, err := notify.Borrow(c.StateDir, c.Notifications.ID(), now)
	if err != nil {
		return "", err
	}
	route, err := notify.NewRoute(&r, &notify.Shared{
		Settings: &c.Notifications, Auths: c.Auths, Identity: identity, Metrics: notify.NewMetrics(prometheus.NewRegistry()), Names: c.Names, Logger: logger,
	})
	if err != nil {
		return "", err
	}
	receipt, err := route.Deliver(ctx, event, 0)
	if err != nil {
		return "", err
	}
	if receipt.RTT == 0 {
		return "sent; a trap is never acknowledged", nil
	}
	return fmt.Sprintf("acknowledged in %s", receipt.RTT.Round(10*time.Microsecond)), nil
}
