package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// listedFleet is a program whose targets stand in lists and in its configuration. Each target has an alarm as long as it
// is polled, and a receiver counts them.
type listedFleet struct {
	*testing.T
	random          *rand.Rand
	dir             string
	web             string
	process         *peers.Process
	receiver, lists string   // URLs
	addresses       []string // of devices
	address         map[string]string

	in    map[string]string // by target: where it stands, "" if nowhere
	twice bool              // the list of files reads more.json, too
	site  string            // a label of the targets of devices.json
	lost  bool              // its saved list is damaged while the server is down: nobody knows the targets of the server
	story []string

	want   map[string]int     // by target: how often its alarm began and ended
	passes map[string]float64 // of targets, when they were last looked at
	anew   map[string]bool    // targets whose polls are counted anew

	mu     sync.Mutex
	server []string       // the targets that it has
	sick   bool           // it does not answer
	empty  bool           // it has an empty list
	got    map[string]int // as the receiver has them: odd while the alarm is active
	says   map[string]string
}

func (l *listedFleet) note(format string, args ...any) {
	l.story = append(l.story, fmt.Sprintf(format, args...))
}

// receive counts the alarms that begin and end.
func (l *listedFleet) receive(_ http.ResponseWriter, r *http.Request) {
	var message struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&message)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range message.Alerts {
		if name := a.Labels["target"]; l.address[name] != "" && a.Status != l.says[name] { // the others are about lists
			l.says[name] = a.Status
			l.got[name]++
		}
	}
}

func (l *listedFleet) serve(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sick {
		http.Error(w, "down", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if l.empty {
		_, _ = io.WriteString(w, "[]")
		return
	}
	_, _ = io.WriteString(w, l.groups(l.server, ""))
}

// groups are targets in the form of file_sd.
func (l *listedFleet) groups(names []string, site string) string {
	var list []string
	for _, name := range names {
		labels := fmt.Sprintf(`"instance": %q`, name)
		if site != "" {
			labels += fmt.Sprintf(`, "site": %q`, site)
		}
		list = append(list, fmt.Sprintf(`{"targets": [%q], "labels": {%s}}`, l.address[name], labels))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (l *listedFleet) write(name, text string) {
	l.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		l.Fatal(err)
	}
}

// names are the targets that stand in a place.
func (l *listedFleet) names(place string) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(l.in)) {
		if l.in[name] == place {
			list = append(list, name)
		}
	}
	return list
}

// writeLists has the lists be as they are to be: those that gain before those that lose.
func (l *listedFleet) writeLists() {
	if l.twice {
		l.write("more.json", l.groups(l.names("more"), ""))
	}
	l.write("devices.json", l.groups(l.names("devices"), l.site))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server, l.sick, l.empty = l.names("server"), false, false
}

// reload writes the configuration, and has it read.
func (l *listedFleet) reload() {
	l.Helper()
	l.configure()
	response, err := http.Post("http://"+l.web+"/-/reload", "", nil)
	if err == nil {
		err = response.Body.Close()
	}
	if err != nil || response.StatusCode != http.StatusOK {
		l.failed("reload: %v %v", response, err)
	}
}

// configure writes the configuration.
func (l *listedFleet) configure() {
	files := "devices.json"
	if l.twice {
		files += ", more.json"
	}
	targets := ""
	for _, name := range l.names("targets") {
		targets += fmt.Sprintf("- {name: %s, address: %q, modules: [sys]}\n", name, l.address[name])
	}
	if targets != "" {
		targets = "targets:\n" + targets
	}
	l.write("rules.yml", `groups: [{name: g, rules: [{alert: Polled, expr: sysUpTime > 0, labels: {severity: major}, annotations: {summary: polled}}]}]`)
	l.write("snmp.yml", fmt.Sprintf(`state_dir: %s
global: {interval: 1s}
modules: {sys: {get: [1.3.6.1.2.1.1.3.0], metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: H.}]}}
assign: [{set: {modules: [sys]}}]
rule_files: [rules.yml]
receivers: [{name: hook, type: webhook, url: %q, every_transition: true}]
discovery:
- {name: files, file_sd_configs: [{files: [%s]}]}
- {name: server, http_sd_configs: [{url: %q, refresh_interval: 1s}]}
%s`, filepath.Join(l.dir, "state"), l.receiver, files, l.lists, targets))
}

func (l *listedFleet) start() {
	l.Helper()
	l.process = peers.Start(l.T, nil, program(l.T), "--config.file="+filepath.Join(l.dir, "snmp.yml"), "--web.listen-address="+l.web)
	clear(l.passes)
}

// polled are the targets that are to be polled.
func (l *listedFleet) polled() map[string]bool {
	all := map[string]bool{}
	for name, place := range l.in {
		if place != "" && !(l.lost && place == "server") {
			all[name] = true
		}
	}
	return all
}

var passesLine = regexp.MustCompile(`(?m)^trapline_target_passes_total\{.*?target="([^"]+)".*?\} (\S+)$`)

// settled reports whether the targets are those that are to be polled, and the receiver knows all alarms.
func (l *listedFleet) settled() bool {
	response, err := http.Get("http://" + l.web + "/metrics")
	if err != nil {
		return false
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return false
	}
	now := map[string]float64{}
	for _, m := range passesLine.FindAllStringSubmatch(string(text), -1) {
		now[m[1]], _ = strconv.ParseFloat(m[2], 64)
	}
	for name, n := range now {
		if n < l.passes[name] && l.polled()[name] && !l.anew[name] {
			l.failed("%s was polled %g times, and %g before", name, n, l.passes[name])
		}
	}
	wanted := l.polled()
	maps.DeleteFunc(now, func(name string, _ float64) bool { return l.address[name] == "" })
	if len(now) != len(wanted) {
		return false
	}
	for name := range wanted {
		if _, there := now[name]; !there {
			return false
		}
	}
	l.mu.Lock()
	same := maps.Equal(l.got, l.want)
	l.mu.Unlock()
	l.passes = now
	return same
}

func (l *listedFleet) failed(format string, args ...any) {
	l.Helper()
	l.Fatalf("%s\n%s\n%s", strings.Join(l.story, "\n"), fmt.Sprintf(format, args...), l.process.Output())
}

// check waits until all is as it is to be, and some time more in which nothing may change.
func (l *listedFleet) check(quiet time.Duration) {
	l.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !l.settled() {
		if time.Now().After(deadline) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.failed("alarms began and ended %v, want %v; want polled %v, got %v", l.got, l.want, slices.Sorted(maps.Keys(l.polled())), l.passes)
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(quiet)
	if !l.settled() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed("later alarms began and ended %v, want %v", l.got, l.want)
	}
}

// some returns a few names of a place, fewer than half.
func (l *listedFleet) some(place string) []string {
	list := l.names(place)
	l.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:l.random.IntN(1+len(list)/3)]
}

// put moves targets, and counts the alarms that begin and end by that.
func (l *listedFleet) put(names []string, place string) {
	l.note("%q to %q", names, place)
	for _, name := range names {
		if (l.in[name] == "") != (place == "") {
			l.want[name]++
		}
		l.in[name] = place
	}
}

// damage changes an octet of each saved list.
func (l *listedFleet) damage() {
	l.Helper()
	files, err := filepath.Glob(filepath.Join(l.dir, "state", "discovery", "*.json"))
	if err != nil || len(files) != 2 {
		l.failed("saved lists %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			text[l.random.IntN(len(text))] ^= 1 << l.random.IntN(8)
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			l.Fatal(err)
		}
	}
}

// restartDamaged starts the process with damaged lists, again and again while the server is down. Alarms of targets that
// nobody knows are neither cleared nor raised again, and their polls are counted anew.
func (l *listedFleet) restartDamaged() {
	l.note("killed, the saved lists are damaged")
	if l.lost = l.random.IntN(2) == 0; l.lost {
		l.note("the server is down")
		l.set(&l.sick)
	}
	l.process.Kill()
	l.damage()
	l.start()
	l.check(later)
	if l.lost {
		l.restart()
		l.check(later)
	}
	l.lost = false
	l.writeLists()
}

// restart kills the process, and starts it with the configuration.
func (l *listedFleet) restart() {
	l.note("killed and started again")
	l.process.Kill()
	l.configure()
	l.start()
}

// later is long enough for polls and readings of lists.
const later = 2500 * time.Millisecond

// step changes something, and returns how long nothing more may change.
func (l *listedFleet) step() (quiet time.Duration) {
	clear(l.anew)
	switch l.random.IntN(10) {
	case 0:
		back := l.some("")
		l.put(l.some("devices"), "")
		l.put(l.some("server"), "")
		l.put(back, []string{"devices", "server"}[l.random.IntN(2)])
		l.writeLists()
	case 1, 2:
		l.note("the file is broken, the server is down")
		l.write("devices.json", `[{"targets": [`)
		l.set(&l.sick)
		if l.random.IntN(2) == 0 {
			l.restart()
		}
		l.check(later)
		if !l.twice { // otherwise one file after the other loses few targets
			l.note("the lists are empty")
			l.set(&l.empty)
			l.write("devices.json", `[]`)
			l.check(later)
		}
		l.note("all is well again")
		l.writeLists()
		quiet = later
	case 3:
		l.restart()
	case 4: // the file has them until the configuration has, too
		l.put(l.some("devices"), "targets")
		l.site = []string{"berlin", "bonn", ""}[l.random.IntN(3)]
		l.reload()
		l.writeLists()
	case 5:
		if l.twice {
			l.put(l.names("more"), "devices")
			l.writeLists()
			l.twice = false
		} else {
			l.put(append(l.names("targets"), l.some("devices")...), "more")
			l.twice = true
			l.write("more.json", l.groups(l.names("more"), ""))
		}
		l.reload()
		l.writeLists()
	case 6:
		l.put(append(l.some("devices"), l.some("server")...), "targets")
		l.restart()
		l.writeLists()
	case 8: // which begin anew, and keep their alarms
		for _, name := range l.some("devices") {
			l.note("%s has another address", name)
			l.move(name)
		}
		l.writeLists()
		quiet = later
	case 9:
		l.restartDamaged()
	case 7:
		l.note("the configuration is read again")
		l.reload()
		quiet = later
	}
	return quiet
}

// move gives a target the other address.
func (l *listedFleet) move(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.address[name] = l.addresses[1-slices.Index(l.addresses, l.address[name])]
	l.anew[name] = true
}

func (l *listedFleet) set(what *bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.empty, l.sick = false, false
	*what = true
}

// Lists come, go, come back, break, are empty and are read again, targets move between them, also while the process is
// killed and started, and while its copies of the lists are damaged: the targets polled are those that the lists had last,
// alarms begin and end with their targets alone, once each, and the polls of a target are counted on.
func TestLawOfListsAndAlarms(t *testing.T) {
	t.Parallel()
	steps := 7
	if os.Getenv("TRAPLINE_SOAK") != "" {
		steps = 300
	}
	seed := uint64(time.Now().UnixNano())
	l := &listedFleet{T: t, random: rand.New(rand.NewPCG(seed, 17)), dir: t.TempDir(), web: peers.FreeTCPAddress(t), address: map[string]string{}, in: map[string]string{},
		want: map[string]int{}, passes: map[string]float64{}, anew: map[string]bool{}, got: map[string]int{}, says: map[string]string{}}
	l.note("seed %d", seed)
	recording, err := agent.ReadRecording(strings.NewReader("1.3.6.1.2.1.1.3.0|67|4711\n"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l.addresses = append(l.addresses, programtest.StartDevices(t, "127.0.0.1:0", agent.Faults{}, recording).Addr(0).String())
	}
	lists, receiver := httptest.NewServer(http.HandlerFunc(l.serve)), httptest.NewServer(http.HandlerFunc(l.receive))
	defer lists.Close()
	defer receiver.Close()
	l.lists, l.receiver = lists.URL, receiver.URL
	for i := range 16 {
		name := fmt.Sprintf("sw%d", i)
		l.address[name] = l.addresses[0]
		l.put([]string{name}, []string{"devices", "devices", "server", "server", "targets", ""}[i%6])
	}
	l.writeLists()
	l.configure()
	l.start()
	l.check(0)
	for range steps {
		l.check(l.step())
	}
	l.check(later)
}
