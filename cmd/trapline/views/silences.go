package views

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/mute"
)

// silence is a silence as Alertmanager's API has it.
type silence struct {
	ID          string                 `json:"id,omitempty"`
	Status      struct{ State string } `json:"status,omitzero"`
	Matchers    mute.Matchers          `json:"matchers"`
	StartsAt    time.Time              `json:"startsAt"`
	EndsAt      time.Time              `json:"endsAt"`
	CreatedBy   string                 `json:"createdBy"`
	Comment     string                 `json:"comment"`
	Annotations map[string]string      `json:"annotations,omitempty"`
}

func addSilences(program *cli.Program) {
	c := program.App.Command("silence", "Silence alarms, and list and end silences, at a server that runs.")
	addSilenceAdd(program, c)
	addSilenceList(program, c)
	addSilenceExpire(program, c)
}

// author is the name of the user, for silences and acknowledgements.
func author() string {
	name := cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"))
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	return cmp.Or(name, "unknown")
}

func addSilenceAdd(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("add", "Mute the alarms that all matchers match. Prints the ID of the silence.")
	server := cli.AddServerFlags(c)
	duration := c.Flag("duration", "How long, such as 2h or 1d.").Short('d').Default("1h").String()
	comment := c.Flag("comment", "Why.").Short('c').Required().String()
	by := c.Flag("author", "Who; default $USER.").String()
	untilClear := c.Flag("until-clear", "End it too once none of the alarms that it matched has been active for 10 minutes.").Bool()
	matchers := c.Arg("matcher", `LABEL=VALUE, LABEL!=VALUE, LABEL=~EXPRESSION or LABEL!~EXPRESSION; labels are those of the alarm and of its target, alertname, target, severity and resource.`).Required().Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		m, err := mute.ParseAll(*matchers)
		if err != nil {
			return cli.Usage(err)
		}
		now := time.Now()
		from, err := parseSince(*duration, now)
		if err != nil || !from.Before(now) {
			return cli.Usagef("--duration %q: write a duration such as 2h or 1d", *duration)
		}
		s := silence{Matchers: m, StartsAt: now, EndsAt: now.Add(now.Sub(from)), CreatedBy: cmp.Or(*by, author()), Comment: *comment}
		if *untilClear {
			s.Annotations = map[string]string{mute.UntilClear: "true"}
		}
		r, err := server.Open()
		if err != nil {
			return err
		}
		var added struct{ SilenceID string }
		if err := askAlertmanager(ctx, r, cli.Call{Method: http.MethodPost, Path: "/api/v2/silences", Body: &s}, &added); err != nil {
			return err
		}
		if _, err = fmt.Fprintln(os.Stdout, human.Visible(added.SilenceID)); err != nil {
			return err
		}
		effect, err := silenceEffect(ctx, r, added.SilenceID, m)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(os.Stderr, human.Visible(effect))
		return err
	}
}

// silenceEffect says how many active alarms a silence mutes. Of one that mutes none it names the labels that neither an
// alarm nor a target has.
func silenceEffect(ctx context.Context, r *cli.Remote, id string, matchers mute.Matchers) (string, error) {
	var alarms []api.Alarm
	if _, err := r.Get(ctx, "/api/v1/alarms", nil, &alarms); err != nil {
		return "", err
	}
	muted := 0
	for i := range alarms {
		if slices.Contains(alarms[i].Mutes, "silence "+id) {
			muted++
		}
	}
	switch muted {
	case 0:
	case 1:
		return "It mutes 1 alarm that is active.", nil
	default:
		return fmt.Sprintf("It mutes %s alarms that are active.", human.Grouped(muted)), nil
	}
	var targets api.TargetList
	if _, err := r.Get(ctx, "/api/v1/targets", nil, &targets); err != nil {
		return "", err
	}
	known := map[string]bool{"alertname": true, "target": true, "severity": true, "resource": true}
	for i := range alarms {
		for name := range alarms[i].Labels {
			known[name] = true
		}
	}
	for i := range targets.Targets {
		for name := range targets.Targets[i].Labels {
			known[name] = true
		}
	}
	text := "It mutes none of the alarms that are active."
	for _, m := range matchers {
		if !known[m.Name] {
			text += fmt.Sprintf(" No target and no active alarm has the label %s%s", m.Name, cli.DidYouMean(m.Name, slices.Sorted(maps.Keys(known))))
		}
	}
	return text, nil
}

func addSilenceList(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("list", "List silences (the default).").Default()
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	expired := c.Flag("expired", "Those of the last five days that have ended, too.").Bool()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		query := url.Values{}
		if !*expired {
			query.Set("expired", "false")
		}
		view := cli.View[[]silence]{
			Get: func(r *cli.Remote, list *[]silence) (json.RawMessage, error) {
				var raw json.RawMessage
				if err := askAlertmanager(ctx, r, cli.Call{Path: "/api/v2/silences", Query: query}, &raw); err != nil {
					return nil, err
				}
				return raw, json.Unmarshal(raw, list)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, list *[]silence) error { return p.Grid(silenceGrid(*list)) },
			Note: func(list *[]silence) string {
				if len(*list) > 0 {
					return ""
				}
				return "no silences"
			},
		}
		return view.Show(server, output)
	}
}

func silenceGrid(list []silence) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "state"}, {Name: "id"}, {Name: "matchers"}, {Name: "begins"}, {Name: "ends"}, {Name: "by"}, {Name: "comment"}}}
	styles := map[string]cli.Style{"active": cli.Good, "expired": cli.Faint}
	for i := range list {
		s := &list[i]
		ends := cli.TimeCell(s.EndsAt)
		if s.Annotations[mute.UntilClear] == "true" && s.Status.State != "expired" {
			ends.Text += " or when clear"
		}
		g.Add(cli.Item{Text: s.Status.State, Style: styles[s.Status.State]}, cli.Item{Text: s.ID}, cli.Item{Text: strings.Trim(s.Matchers.String(), "{}")},
			cli.TimeCell(s.StartsAt), ends, cli.Item{Text: s.CreatedBy}, cli.Item{Text: s.Comment})
	}
	return g
}

func addSilenceExpire(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("expire", "End silences. What they muted and is still active is sent at once.")
	server := cli.AddServerFlags(c)
	ids := c.Arg("id", "ID of a silence, or the first digits of it.").Required().Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.Open()
		if err != nil {
			return err
		}
		for _, id := range *ids {
			id, err := wholeID(ctx, r, id)
			if err != nil {
				return err
			}
			if err := askAlertmanager(ctx, r, cli.Call{Method: http.MethodDelete, Path: "/api/v2/silence/" + url.PathEscape(id)}, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

// uuidLength is the length of the ID of a silence.
const uuidLength = 36

// wholeID returns the ID of the one active or pending silence that begins with some digits.
func wholeID(ctx context.Context, r *cli.Remote, id string) (string, error) {
	if len(id) >= uuidLength {
		return id, nil
	}
	var list []silence
	if err := askAlertmanager(ctx, r, cli.Call{Path: "/api/v2/silences", Query: url.Values{"expired": {"false"}}}, &list); err != nil {
		return "", err
	}
	list = slices.DeleteFunc(list, func(s silence) bool { return !strings.HasPrefix(s.ID, id) })
	switch len(list) {
	case 0:
		return "", cli.Usagef("no silence %s at %s. trapline silence lists them", id, r.Base.Redacted())
	case 1:
		return list[0].ID, nil
	}
	return "", cli.Usagef("%d silences begin with %s: write more digits", len(list), id)
}

// askAlertmanager makes a call to Alertmanager's API, whose answers have no envelope.
func askAlertmanager(ctx context.Context, r *cli.Remote, call cli.Call, into any) error {
	response, err := r.Send(ctx, call)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, cli.MaxAnswer))
	if err != nil {
		return r.Unreached(ctx, err)
	}
	if response.StatusCode == http.StatusOK {
		if into == nil {
			return nil
		}
		return json.Unmarshal(text, into)
	}
	var why string
	var envelope api.Answer
	switch {
	case json.Unmarshal(text, &why) == nil:
	case json.Unmarshal(text, &envelope) == nil && envelope.Error != "":
		return cli.ErrorOf(&envelope)
	default:
		why = strings.TrimSpace(string(text))
	}
	err = fmt.Errorf("%s answers %s: %.300s", r.Base.Redacted(), response.Status, human.Visible(why))
	if response.StatusCode == http.StatusBadRequest || response.StatusCode == http.StatusNotFound {
		return cli.Usage(err)
	}
	return err
}

func addAlarmsAck(program *cli.Program, alarms *kingpin.CmdClause) {
	c := alarms.Command("ack", "Acknowledge alarms: they are not repeated, and not sent to receivers with unless_acknowledged.")
	server := cli.AddServerFlags(c)
	a := api.Ack{}
	c.Flag("comment", "What is done about it.").Short('c').StringVar(&a.Comment)
	c.Flag("author", "Who; default $USER.").StringVar(&a.By)
	c.Flag("sticky", "Also if they get worse.").BoolVar(&a.Sticky)
	c.Flag("until", "When it ends if they are still active: a time as in RFC 3339, or a duration such as 2h.").StringVar(&a.Until)
	remove := c.Flag("remove", "Remove the acknowledgement.").Bool()
	which := alarmArgs(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		a.By = cmp.Or(a.By, author())
		return eachAlarm(ctx, server, *which, func(id string) cli.Call {
			call := cli.Call{Method: http.MethodPost, Path: "/api/v1/alarms/" + url.PathEscape(id) + "/ack", Body: &a}
			if *remove {
				call.Method = http.MethodDelete
			}
			return call
		})
	}
}

func addAlarmsClear(program *cli.Program, alarms *kingpin.CmdClause) {
	c := alarms.Command("clear", "Clear alarms that wait for a return: those of trap rules, and those whose row is gone and that trap_row_gone keeps.")
	server := cli.AddServerFlags(c)
	in := api.Clear{}
	c.Flag("comment", "Why.").Short('c').StringVar(&in.Comment)
	c.Flag("author", "Who; default $USER.").StringVar(&in.By)
	which := alarmArgs(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		in.By = cmp.Or(in.By, author())
		return eachAlarm(ctx, server, *which, func(id string) cli.Call {
			return cli.Call{Method: http.MethodPost, Path: "/api/v1/alarms/" + url.PathEscape(id) + "/clear", Body: &in}
		})
	}
}

// alarmArgs adds the arguments that name alarms.
func alarmArgs(c *kingpin.CmdClause) *[]string {
	return c.Arg("alarm", "ID of an alarm, or the first digits of it; or "+matcherHelp+"labels are those of alarms list.").Required().Strings()
}

// eachAlarm makes a call for each of the named alarms, and prints those for which it succeeds.
func eachAlarm(ctx context.Context, server *cli.ServerFlags, which []string, call func(id string) cli.Call) error {
	r, err := server.Open()
	if err != nil {
		return err
	}
	list, err := namedAlarms(ctx, r, which)
	if err != nil {
		return err
	}
	for i := range list {
		if _, err := r.Do(ctx, call(list[i].ID), nil); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(os.Stdout, "%s %s %s\n", list[i].ID, human.Visible(list[i].Target), human.Visible(list[i].Rule)); err != nil {
			return err
		}
	}
	return nil
}

// namedAlarms returns the alarms with IDs, or those that match all of several matchers.
func namedAlarms(ctx context.Context, r *cli.Remote, which []string) (list []api.Alarm, err error) {
	if isMatcher.MatchString(which[0]) {
		_, err = r.Get(ctx, "/api/v1/alarms", selection(which), &list)
		if err == nil && len(list) == 0 {
			err = cli.Usagef("no alarms match %q", strings.Join(which, " "))
		}
		return list, err
	}
	for _, id := range which {
		var one api.Alarm
		if _, err := findAlarm(ctx, r, id, &one); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}
