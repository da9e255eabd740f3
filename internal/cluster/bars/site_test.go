package bars

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"trapline/internal/api"
	"trapline/internal/peers"
)

const (
	targets    = 2000
	alarms     = 200
	interval   = 10 * time.Second
	lease      = 5 * time.Second
	ruleFile   = `groups: [{name: bars, rules: [{alert: Flap, expr: flap > 50, labels: {severity: major}}]}]` + "\n"
	configText = `auths:
  public_v2: {}
  traps: {version: 3, username: %s, security_level: authPriv, auth_protocol: SHA, password: %s, priv_protocol: AES, priv_password: %s}
modules: {gauges: {get: [1.3.6.1.4.1.32473.7.1.0, 1.3.6.1.4.1.32473.7.2.0, 1.3.6.1.4.1.32473.7.3.0], metrics: [
  {name: flap, oid: 1.3.6.1.4.1.32473.7.1, type: gauge, help: H.},
  {name: two, oid: 1.3.6.1.4.1.32473.7.2, type: gauge, help: H.},
  {name: three, oid: 1.3.6.1.4.1.32473.7.3, type: gauge, help: H.}]}}
notifications: {enterprise_oid: 1.3.6.1.4.1.32473}
rule_files: [rules.yml]
global: {interval: %s, timeout: 1s, retries: 2}
receivers:
- {name: book, address: "%s:%d", timeout: 2s, rate: 1000, every_transition: true}
- {name: informs, address: "%[5]s:%[7]d", timeout: 2s, rate: 1000, every_transition: true}
- {name: traps, type: trap, auth: traps, address: "%[5]s:%[7]d", rate: 1000, every_transition: true}
`
)

// site is three members in namespaces of their own, the devices that they poll, and a receiver.
type site struct {
	t       *testing.T
	dir     string
	program string
	devices *devices
	book    *book // of a receiver that acknowledges informs
	informs *book // of snmptrapd
	traps   *book // of snmptrapd, of SNMPv3
	truth   *truth
	members [memberCount]*process
	begun   time.Time
	spans   []span
}

// process is a member.
type process struct {
	index   int
	command *exec.Cmd
	ended   chan struct{}
	paused  bool
}

func (p *process) runs() bool { return p.command != nil }

// build builds the program, once.
var build = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(programDir, "trapline")
	return path, buildAt(path)
})

func buildAt(path string, flags ...string) error {
	build := exec.Command("go", slices.Concat([]string{"build", "-tags", "gosnmp_nodebug", "-o", path}, flags, []string{"trapline/cmd/trapline"})...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// buildWith builds the program with a text of a file replaced.
func buildWith(file, old, text string) (path string, err error) {
	if file, err = filepath.Abs(file); err != nil {
		return "", err
	}
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), old); n != 1 {
		return "", fmt.Errorf("%s has the text %d times: %s", file, n, old)
	}
	changed, overlay := filepath.Join(programDir, filepath.Base(file)), filepath.Join(programDir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err == nil {
		err = errors.Join(os.WriteFile(changed, []byte(strings.Replace(string(source), old, text, 1)), 0o600), os.WriteFile(overlay, replace, 0o600))
	}
	if err != nil {
		return "", err
	}
	path = filepath.Join(programDir, "changed")
	return path, buildAt(path, "-overlay="+overlay)
}

// newSite starts three members, and waits until all targets are polled.
func newSite(t *testing.T) *site {
	t.Helper()
	return siteOf(t, build)
}

func siteOf(t *testing.T, build func() (program string, err error)) *site {
	t.Helper()
	layNetwork(t)
	join(t)
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, program: program, dir: t.TempDir()}
	if dir := os.Getenv("TRAPLINE_BARS_DIR"); dir != "" { // logs stay there
		s.dir = filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+"-"+time.Now().Format("150405"))
	}
	s.devices, s.book = startDevices(t, targets, targets/alarms), startReceiver(t)
	s.write("cluster: {members: [" + hostOf(0) + ", " + hostOf(1) + ", " + hostOf(2) + "], insecure: true, lease: " + lease.String() + "}\n")
	engines := make([]string, memberCount)
	for i := range memberCount {
		engines[i] = s.engineID(i)
	}
	s.informs, s.traps = startSnmptrapd(t, engines)
	for i := range memberCount {
		s.members[i] = &process{index: i}
		s.start(i)
	}
	t.Cleanup(s.end)
	s.await(time.Minute, "the cluster is whole", s.whole)
	s.await(time.Minute, "all targets are polled", func() bool { return s.devices.polled(time.Now().Add(-interval), time.Now()) >= targets*99/100 })
	return s
}

// write writes the configuration of all members.
func (s *site) write(more string) {
	s.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, configText, trapUser, peers.AuthPassphrase, peers.PrivPassphrase, interval, hub, receiverPort, snmptrapdPort)
	text.WriteString(more + "targets:\n")
	for i := range targets {
		fmt.Fprintf(&text, "- {name: %s, address: \"%s:%d\", modules: [gauges]}\n", targetName(i), deviceAt(i), devicePort)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for name, text := range map[string]string{"snmp.yml": text.String(), "rules.yml": ruleFile} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// targetName returns the name of the i-th device: some have alarms.
func targetName(i int) string {
	if i%(targets/alarms) == 0 {
		return fmt.Sprintf("flap-%d", i/(targets/alarms))
	}
	return fmt.Sprintf("target-%d", i)
}

// flap has the alarms change for some time, or until rest.
func (s *site) flap(seed uint64, lasts time.Duration) {
	s.begun = time.Now()
	s.truth = drawTruth(seed, alarms, s.begun, lasts)
	s.devices.begin(s.truth)
}

// state returns the state directory of a member.
func (s *site) state(i int) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, spaceOf(i))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// engineID returns the SNMP engine ID of a member, which need not have been started.
func (s *site) engineID(i int) string {
	s.t.Helper()
	text, err := exec.Command(s.program, "engine", "--state-dir="+s.state(i)).Output()
	found := regexp.MustCompile(`(?m)^engine_id: ([0-9a-f]+)`).FindSubmatch(text)
	if err != nil || found == nil {
		s.t.Fatalf("engine of member %d: %v %s", i+1, err, text)
	}
	return string(found[1])
}

func (s *site) start(i int) {
	s.t.Helper()
	state := s.state(i)
	log, err := os.OpenFile(filepath.Join(s.dir, spaceOf(i)+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	c := command(i, s.program, "--config.file="+filepath.Join(s.dir, "snmp.yml"), "--cluster.member="+hostOf(i), "--web.listen-address="+hostOf(i)+":9116")
	c.Env = append(os.Environ(), "STATE_DIRECTORY="+state)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := s.members[i]
	p.command, p.ended, p.paused = c, make(chan struct{}), false
	go func(ended chan struct{}) { _ = c.Wait(); close(ended) }(p.ended)
}

func (s *site) signal(i int, signal syscall.Signal) {
	s.t.Helper()
	p := s.members[i]
	if err := p.command.Process.Signal(signal); err != nil {
		s.t.Fatalf("member %d: %v", i+1, err)
	}
	p.paused = signal == syscall.SIGSTOP || p.paused && signal != syscall.SIGCONT
}

// stop ends a member by a signal, and waits for its end.
func (s *site) stop(i int, signal syscall.Signal) {
	s.t.Helper()
	s.signal(i, signal)
	<-s.members[i].ended
	s.members[i].command = nil
}

// ofAlarms are the lines of a log about single alarms.
var ofAlarms = regexp.MustCompile(`msg="(alarm|notification) `)

func (s *site) end() {
	for i, p := range s.members {
		if p != nil && p.runs() {
			_ = p.command.Process.Kill()
			<-p.ended
			p.command = nil
		}
		if s.t.Failed() {
			text, _ := os.ReadFile(filepath.Join(s.dir, spaceOf(i)+".log"))
			lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return ofAlarms.MatchString(line) })
			s.t.Logf("%s:\n%s", spaceOf(i), strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	}
	join(s.t)
}

var client = http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// get returns the body of an answer of a member; "" without one.
func (s *site) get(i int, path string) string {
	r, err := client.Get("http://" + net.JoinHostPort(hostOf(i), "9116") + path)
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

func (s *site) status(i int) (c api.Cluster, ok bool) {
	var answer struct{ Data api.Cluster }
	err := json.Unmarshal([]byte(s.get(i, "/api/v1/cluster")), &answer)
	return answer.Data, err == nil
}

// running returns the members that run.
func (s *site) running() (list []int) {
	for i, p := range s.members {
		if p.runs() && !p.paused {
			list = append(list, i)
		}
	}
	return list
}

// balance is by how much a member may have more than its share of the targets: from a tenth on the plan moves some.
const balance = 1.12

// whole reports whether all members live, each shard has an owner, and no member has much more than its share.
func (s *site) whole() bool {
	for i := range memberCount {
		c, ok := s.status(i)
		if !ok || !c.Whole || len(c.Members) != memberCount || c.Coordinator == "" {
			return false
		}
		for _, m := range c.Members {
			if float64(m.Targets) > balance*targets/memberCount {
				return false
			}
		}
	}
	return true
}

// roles returns the member that leads the engine, and the coordinator.
func (s *site) roles() (leader, coordinator int) {
	leader, coordinator = -1, -1
	s.await(time.Minute, "", func() bool {
		for _, i := range s.running() {
			if c, ok := s.status(i); ok && c.Leader != "" && c.Coordinator != "" {
				leader, coordinator = indexOf(c.Leader), indexOf(c.Coordinator)
				return true
			}
		}
		return false
	})
	return leader, coordinator
}

func indexOf(name string) int {
	for i := range memberCount {
		if hostOf(i) == name {
			return i
		}
	}
	return -1
}

// other returns a member that neither leads nor coordinates, if there is one.
func (s *site) other() int {
	leader, coordinator := s.roles()
	for i := range memberCount {
		if i != leader && i != coordinator {
			return i
		}
	}
	return leader
}

// await waits for a condition, and returns how long it took.
func (s *site) await(most time.Duration, text string, condition func() bool) time.Duration {
	s.t.Helper()
	begun := time.Now()
	for tick := time.Tick(100 * time.Millisecond); !condition(); <-tick {
		if time.Since(begun) > most {
			for i := range memberCount {
				c, ok := s.status(i)
				s.t.Logf("member %d: %v %+v", i+1, ok, c)
			}
			s.t.Fatalf("not within %v: %s", most, text)
		}
	}
	took := time.Since(begun)
	if text != "" {
		s.t.Logf("%s %s: %v", clock(time.Now()), text, took.Round(10*time.Millisecond))
	}
	return took
}

// bar compares a figure with its bar.
func (s *site) bar(text string, is, most time.Duration) {
	s.t.Helper()
	if is > most {
		s.t.Errorf("%s: %v, bar %v", text, is.Round(10*time.Millisecond), most)
	}
}

// fault notes that something is done to the members, until the function that it returns is called.
func (s *site) fault(text string, blind bool) (healed func()) {
	s.t.Logf("%s %s", clock(time.Now()), text)
	s.spans = append(s.spans, span{time.Now(), time.Now().Add(24 * time.Hour), text, blind})
	at := len(s.spans) - 1
	return func() { s.spans[at].to = time.Now() }
}

// rest has nothing change, waits until all is sent, and judges.
func (s *site) rest() {
	s.t.Helper()
	s.truth.settle(time.Now())
	for begun := time.Now(); len(s.behind(0)) > 0 && time.Since(begun) < time.Minute; { // else the judge finds it
		time.Sleep(time.Second)
	}
	time.Sleep(interval + ordinary) // nothing follows
	due := 0
	for alarm := range s.truth.begins {
		due += s.truth.segment(alarm, time.Now())
	}
	for _, r := range []struct {
		text string
		book *book
	}{{"informs", s.book}, {"informs to snmptrapd", s.informs}, {"traps of SNMPv3 to snmptrapd", s.traps}} {
		violations, seen, delays := r.book.judge(s.truth, s.spans, time.Now())
		s.t.Logf("%s: %d transitions, %d were sent, %d notifications were repeats; sent after %s; %d violations", r.text, due, seen, r.book.repeats(), middle(delays), len(violations))
		if len(violations) > 0 {
			s.t.Errorf("%s: %d violations:\n%s", r.text, len(violations), summary(violations))
		}
	}
}

// behind returns the alarms about which a receiver was not sent the last word, although that has been so for a while.
func (s *site) behind(while time.Duration) (list []int) {
	for _, b := range []*book{s.book, s.informs, s.traps} {
		list = append(list, b.behind(s.truth, time.Now(), while)...)
	}
	return list
}

// caughtUp waits until all that was true before a time has been sent.
func (s *site) caughtUp(since time.Time) time.Duration {
	s.t.Helper()
	late := func() []int {
		return s.behind(max(interval+2*time.Second, time.Since(since)))
	}
	s.await(time.Minute, "all has been sent that was true before", func() bool { return len(late()) == 0 })
	return time.Since(since)
}

var metricLine = regexp.MustCompile(`(?m)^(trapline_cluster_\S+) (\S+)$`)

// metrics returns those of the cluster, of a member.
func (s *site) metrics(i int) map[string]float64 {
	all := map[string]float64{}
	for _, found := range metricLine.FindAllStringSubmatch(s.get(i, "/metrics"), -1) {
		all[found[1]], _ = strconv.ParseFloat(found[2], 64)
	}
	return all
}

// sum adds a metric of all members that run.
func (s *site) sum(name string) (sum float64) {
	for _, i := range s.running() {
		for key, value := range s.metrics(i) {
			if key == name || strings.HasPrefix(key, name+"{") {
				sum += value
			}
		}
	}
	return sum
}

// term returns the term of the engine: each election has another.
func (s *site) term() (term uint64) {
	s.t.Helper()
	s.engine(func(ctx context.Context, c *clientv3.Client) error {
		status, err := c.Status(ctx, c.Endpoints()[0])
		if err == nil {
			term = status.RaftTerm
		}
		return err
	})
	return term
}

// engine calls f with a client of the engine.
func (s *site) engine(f func(context.Context, *clientv3.Client) error) {
	s.t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{hostOf(0) + ":2379"}, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	if err := f(ctx, c); err != nil {
		s.t.Fatal(err)
	}
}

// spent returns the processor time of a process.
func (p *process) spent() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const hertz = 100
	return time.Duration(user+system) * time.Second / hertz
}

// disk has each fdatasync of a member end later, until the function that it returns is called.
func (s *site) disk(i int, later time.Duration) (end func()) {
	s.t.Helper()
	trace := exec.Command("strace", "-f", "-o", "/dev/null", "-p", strconv.Itoa(s.members[i].command.Process.Pid),
		"-e", "trace=fdatasync,fsync", "-e", fmt.Sprintf("inject=fdatasync,fsync:delay_exit=%d", later.Microseconds()))
	if err := trace.Start(); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		_ = trace.Process.Signal(syscall.SIGINT) // it detaches
		_ = trace.Wait()
	}
}

// busy keeps all processors busy until the function that it returns is called.
func busy(t *testing.T) (end func()) {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), busyEnv+"=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

// commitSeconds returns how many commits of some members took at most a second, and how many there were.
func (s *site) commitSeconds(members ...int) (soon, all float64) {
	for _, i := range members {
		m := s.metrics(i)
		soon += m[`trapline_cluster_commit_seconds_bucket{le="1"}`]
		all += m["trapline_cluster_commit_seconds_count"]
	}
	return soon, all
}

// duration reads a duration from the environment.
func duration(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

func percent(a, b float64) float64 { return math.Round(1000*a/b) / 10 }

// share is the processor time of a member, in percent of a core.
type share struct{ engine, all float64 }

var (
	ofEngine = `go\.etcd\.io|google\.golang\.org/grpc`
	focused  = regexp.MustCompile(`Showing nodes accounting for ([0-9.]+)s`)
)

// engineShares profiles all members for a while, and returns the share of samples in whose stack the engine is: its server,
// and the client that asks it.
func (s *site) engineShares(while time.Duration) (shares [memberCount]share) {
	s.t.Helper()
	var all sync.WaitGroup
	before := [memberCount]time.Duration{}
	for i := range memberCount {
		before[i] = s.members[i].spent()
		all.Go(func() {
			file := filepath.Join(s.dir, fmt.Sprintf("profile%d", i+1))
			patient := http.Client{Timeout: while + 30*time.Second}
			r, err := patient.Get(fmt.Sprintf("http://%s:9116/debug/pprof/profile?seconds=%d", hostOf(i), int(while.Seconds())))
			if err != nil {
				s.t.Error(err)
				return
			}
			defer r.Body.Close()
			text, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != http.StatusOK || os.WriteFile(file, text, 0o600) != nil {
				s.t.Errorf("profile: %v %d", err, r.StatusCode)
				return
			}
			out, err := exec.Command("go", "tool", "pprof", "-top", "-unit=s", "-nodecount=100000", "-nodefraction=0", "-focus="+ofEngine, s.program, file).CombinedOutput()
			found := focused.FindSubmatch(out)
			if err != nil || found == nil {
				s.t.Errorf("pprof: %v %.500s", err, out)
				return
			}
			seconds, _ := strconv.ParseFloat(string(found[1]), 64)
			shares[i].engine = 100 * seconds / while.Seconds()
		})
	}
	all.Wait()
	for i := range memberCount {
		shares[i].all = 100 * (s.members[i].spent() - before[i]).Seconds() / while.Seconds()
	}
	return shares
}
