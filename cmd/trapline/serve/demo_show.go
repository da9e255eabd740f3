package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/api"
	"trapline/internal/app"
	"trapline/internal/human"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// demoShow prints the events of a demo, each line with the time since the start.
type demoShow struct {
	base    string
	devices int
	start   time.Time
	begin   func() // starts the clocks of the devices
	out     io.Writer
	client  http.Client

	mu      sync.Mutex
	informs []inform             // that were received, and are not shown yet
	raised  map[string]time.Time // By alarm
	cleared map[string]string    // lines that wait for their acknowledgement, by alarm
	advised bool
}

// inform is the notification of an inform, and how it is printed.
type inform struct {
	id         int32
	trap, text string
}

func newDemoShow(base string, devices int) *demoShow {
	return &demoShow{
		base: base, devices: devices, start: time.Now(), out: os.Stdout, client: http.Client{Transport: &http.Transport{}},
		raised: map[string]time.Time{}, cleared: map[string]string{},
	}
}

// line prints a line.
func (d *demoShow) line(format string, args ...any) {
	since := time.Since(d.start)
	minutes := int(since / time.Minute)
	fmt.Fprintf(d.out, "%02d:%04.1f  %s\n", minutes, (since - time.Duration(minutes)*time.Minute).Seconds(), fmt.Sprintf(format, args...))
}

// moved says who is at the port that the pages were to have, if they have another.
func (d *demoShow) moved(ctx context.Context, asked []string) {
	if at := app.Browsable(asked[0]); "http://"+at != d.base {
		_, port, _ := strings.Cut(at, ":")
		d.line("port %s is in use by %s: the pages of this demo are at %s/", port, app.ListenerAt(ctx, at), d.base)
	}
}

// run shows the demo until ctx is canceled. It leaves no connection that the server would wait for at its end.
func (d *demoShow) run(ctx context.Context, browser bool) error {
	defer d.client.CloseIdleConnections()
	begin := sync.OnceFunc(d.begin)
	defer begin()
	events, err := d.events(ctx) // first: no transition comes before them
	if err != nil {
		return nil //nolint:nilerr // canceled, or served over TLS: then there is nothing to show
	}
	defer events.Close()
	s, err := d.awaitTargets(ctx)
	if err != nil {
		return nil //nolint:nilerr // canceled
	}
	d.line("%d of %d targets up, %s series    %s/", s.Targets.Up, s.Targets.Total, human.Grouped(s.Series.Total), d.base)
	if browser {
		openBrowser(d.base + "/")
	}
	begin()
	go d.pulls(ctx, time.Now())
	return d.follow(events)
}

// awaitThat calls try 20 times a second, until it succeeds or ctx is canceled.
func awaitThat(ctx context.Context, try func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !try() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// awaitTargets waits for the first poll of each target.
func (d *demoShow) awaitTargets(ctx context.Context) (s api.Status, err error) {
	err = awaitThat(ctx, func() bool {
		return d.get(ctx, "/api/v1/status", &s) == nil && s.Targets.Total == d.devices && s.Targets.Waiting == 0 && s.Series.Total > 0
	})
	return s, err
}

// get decodes the data of an answer of the API.
func (d *demoShow) get(ctx context.Context, path string, data any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+path, nil)
	if err != nil {
		return err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(&struct {
		Data any `json:"data"`
	}{data})
}

// pulls says when which cable is pulled.
func (d *demoShow) pulls(ctx context.Context, begun time.Time) {
	for i := 0; ; i++ {
		at := begun.Add(firstPull + time.Duration(i)*pullEvery)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(at)):
			d.mu.Lock()
			d.line("(a cable is pulled: %s)", pulled(i))
			d.mu.Unlock()
		}
	}
}

// events opens the stream of events once the server listens.
func (d *demoShow) events(ctx context.Context) (stream io.ReadCloser, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+"/api/v1/events?follow=1", nil)
	if err != nil {
		return nil, err
	}
	err = awaitThat(ctx, func() bool {
		response, err := d.client.Do(request)
		if err == nil {
			stream = response.Body
		}
		return err == nil
	})
	return stream, err
}

// follow shows the events of alarms and receivers as they come.
func (d *demoShow) follow(stream io.Reader) error {
	for events := json.NewDecoder(stream); ; {
		var e api.Event
		if events.Decode(&e) != nil {
			return nil // canceled
		}
		d.event(&e)
	}
}

func (d *demoShow) event(e *api.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Kind {
	case "raised":
		d.raised[e.Alarm] = e.At
		d.line("raised   %-8s %s  %s  %s", e.Severity, e.Rule, e.Target, e.Text)
	case "cleared":
		d.cleared[e.Alarm] = fmt.Sprintf("cleared  %s  %s  after %s", e.Rule, e.Target, e.At.Sub(d.raised[e.Alarm]).Round(100*time.Millisecond))
		delete(d.raised, e.Alarm)
	case "acknowledged":
		d.acknowledged(e)
	}
}

// acknowledged shows that an inform was: of a raise in a line of its own, of a clear with that.
func (d *demoShow) acknowledged(e *api.Event) {
	took := fmt.Sprintf("acknowledged in %.2g ms", e.Millis)
	var received inform
	if len(d.informs) > 0 {
		received, d.informs = d.informs[0], d.informs[1:]
	}
	line, over := d.cleared[e.Alarm]
	if !over {
		d.line("received %s %s", received.text, took)
		return
	}
	delete(d.cleared, e.Alarm)
	d.line("%s; %s %s", line, received.trap, took)
	if !d.advised {
		d.advised = true
		d.advise()
	}
}

// advise prints commands to try.
func (d *demoShow) advise() {
	url := ""
	if !strings.HasSuffix(d.base, defaultListen) {
		url = "export TRAPLINE_URL=" + d.base + " · "
	}
	fmt.Fprintf(d.out, "Next     %strapline targets · trapline top switch-1 · trapline alarms    Ctrl-C stops\n", url)
}

// maxInforms bounds the informs that wait for the event of their acknowledgement.
const maxInforms = 100

// received notes an inform that came to the demo's own receiver.
func (d *demoShow) received(r *originator.Received) {
	trap, index := "notification", ""
	for list := r.VarBinds; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			break
		}
		switch {
		case v.Type == snmp.ObjectIdentifier && v.Name.Compare(snmpTrapOID) == 0:
			if trap = trapNames[snmp.OID(v.Value).String()]; trap == "" {
				trap = snmp.OID(v.Value).String()
			}
		case v.Name.HasPrefix(ifIndex):
			index = fmt.Sprintf(" ifIndex%s = %s …", strings.TrimPrefix(v.Name.String(), ifIndex.String()), numericValue(v))
		}
		list = rest
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	again := slices.ContainsFunc(d.informs, func(i inform) bool { return i.id == r.RequestID })
	if !again && len(d.informs) < maxInforms {
		d.informs = append(d.informs, inform{r.RequestID, trap, fmt.Sprintf("inform from %s: %s%s", r.From.Addr(), trap, index)})
	}
}

var (
	snmpTrapOID = snmp.MustParseOID("1.3.6.1.6.3.1.1.4.1.0")
	ifIndex     = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.1")
)

// trapNames are the notifications of IF-MIB.
var trapNames = map[string]string{"1.3.6.1.6.3.1.1.5.3": "linkDown", "1.3.6.1.6.3.1.1.5.4": "linkUp"}

// numericValue is the value of an INTEGER.
func numericValue(v snmp.VarBind) string {
	n, err := v.Int()
	if err != nil {
		return "?"
	}
	return fmt.Sprint(n)
}

// openBrowser has the desktop open a page. Where there is none, nothing happens.
func openBrowser(url string) {
	command := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if command == nil {
		command = []string{"xdg-open"}
	}
	c := exec.Command(command[0], append(command[1:], url)...)
	if err := c.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "no browser was opened: %v\n", err)
		return
	}
	go func() { _ = c.Wait() }()
}
