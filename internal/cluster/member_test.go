package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trapline/internal/boottime"
	"trapline/internal/cluster/plan"
	"trapline/internal/setting"
)

// A test of several processes starts this binary again for each member. A member commits events of some shards, sends them
// to its parent by its standard output, and removes those that the parent acknowledges on its standard input.

const memberEnv = "TRAPLINE_TEST_MEMBER"

func TestMain(m *testing.M) {
	if text := os.Getenv(memberEnv); text != "" {
		if err := runMember(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// memberConfig is sent from a parent to a member.
type memberConfig struct {
	Members  []string
	Member   string
	Engine   int
	Peers    int
	Dir      string
	Lease    time.Duration
	TLS      *TLS
	Interval time.Duration // between events of a shard
	Active   int           // so many shards have events
}

func (m memberConfig) settings() Settings {
	return Settings{Members: m.Members, Member: m.Member, TLS: m.TLS, Lease: setting.Duration{Duration: m.Lease}, Ports: Ports{Engine: m.Engine, Peers: m.Peers}}
}

// said is a line that a member writes.
type said struct {
	Is    string // took, dropped, lost, committed, sent, beat, removed, coordinator, leader, silent
	Shard string `json:",omitempty"`
	N     uint64 `json:",omitempty"`
	At    time.Duration
	Left  time.Duration `json:",omitempty"` // until the deadline
}

// application is the Work of a member.
type application struct {
	cluster *Cluster
	config  memberConfig
	active  map[string]bool

	mu     sync.Mutex
	out    *bufio.Writer
	shards map[string]*activity
}

// activity is a shard with events.
type activity struct {
	cancel  context.CancelFunc
	done    chan struct{}
	rows    map[uint64]bool // false: was not sent for want of a session
	number  uint64
	acks    chan uint64
	ordered chan struct{} // closed: no new events, and end when the others are removed
}

func (a *application) say(is, shard string, n uint64, at time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = json.NewEncoder(a.out).Encode(said{is, shard, n, at, a.cluster.Remaining()})
	_ = a.out.Flush()
}

func (a *application) Take(ctx context.Context, shard string, _ time.Time) error {
	at := boottime.Elapsed()
	act := &activity{done: make(chan struct{}), rows: map[uint64]bool{}, acks: make(chan uint64, 100), ordered: make(chan struct{})}
	err := a.cluster.Load(ctx, shard, func(key string, value []byte) error {
		n, err := strconv.ParseUint(key[strings.LastIndexByte(key, '/')+1:], 10, 64)
		if key == NumberKey {
			act.number, err = strconv.ParseUint(string(value), 10, 64)
			return err
		}
		act.rows[n] = false
		return err
	})
	if err != nil {
		return err
	}
	a.say("took", shard, 0, at)
	ctx, act.cancel = context.WithCancel(context.WithoutCancel(ctx))
	a.mu.Lock()
	a.shards[shard] = act
	a.mu.Unlock()
	if !a.active[shard] {
		close(act.done)
		return nil
	}
	go func() {
		defer close(act.done)
		a.work(ctx, shard, act)
	}()
	return nil
}

func (a *application) Drop(shard string, lost bool) {
	a.mu.Lock()
	act := a.shards[shard]
	a.mu.Unlock()
	if act == nil {
		return
	}
	defer func() { // until then acknowledgements come
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.shards, shard)
	}()
	if lost {
		act.cancel()
		<-act.done
		a.say("lost", shard, 0, boottime.Elapsed())
		return
	}
	close(act.ordered)
	select {
	case <-act.done:
	case <-time.After(time.Second):
		act.cancel()
		<-act.done
	}
	act.cancel()
	a.say("dropped", shard, 0, boottime.Elapsed())
}

// work commits, sends and removes events until the shard is dropped.
func (a *application) work(ctx context.Context, shard string, act *activity) {
	beating, stop := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { a.beat(beating, shard) })
	defer beats.Wait()
	defer stop()
	for n := range act.rows {
		act.rows[n] = a.send(shard, n)
	}
	tick := time.NewTicker(a.config.Interval)
	defer tick.Stop()
	ordered := act.ordered
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-ordered:
			if len(act.rows) == 0 {
				return
			}
			ordered = nil
		case n := <-act.acks:
			if _, ok := act.rows[n]; !ok {
				continue
			}
			if err = a.cluster.Commit(ctx, []Write{{Shard: shard, Key: row(n)}}); err == nil {
				delete(act.rows, n)
				a.say("removed", shard, n, boottime.Elapsed())
			}
			if ordered == nil && len(act.rows) == 0 {
				return
			}
		case <-tick.C:
			if ordered == nil {
				continue
			}
			if len(act.rows) > 0 {
				for n, sent := range act.rows {
					act.rows[n] = sent || a.send(shard, n)
				}
				continue
			}
			n := act.number + 1
			err = a.cluster.Commit(ctx, []Write{{Shard: shard, Key: row(n), Value: []byte("event")}, {Shard: shard, Key: NumberKey, Value: strconv.AppendUint(nil, n, 10)}})
			if err == nil {
				a.say("committed", shard, n, boottime.Elapsed())
				act.number, act.rows[n] = n, a.send(shard, n)
			}
		}
		var lost *Lost
		if errors.As(err, &lost) {
			<-ctx.Done()
			return
		}
	}
}

// beat sends without a commit whenever the member may, as retransmissions are.
func (a *application) beat(ctx context.Context, shard string) {
	tick := time.NewTicker(a.config.Interval / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if at := boottime.Elapsed(); a.cluster.MaySend() {
			a.say("beat", shard, 0, at)
		}
	}
}

func row(n uint64) string { return fmt.Sprintf("out/sink/%012d", n) }

// send sends an event if the member may. The time is that of the question.
func (a *application) send(shard string, n uint64) bool {
	at := boottime.Elapsed()
	may := a.cluster.MaySend()
	if may {
		a.say("sent", shard, n, at)
	}
	return may
}

// listen reads acknowledgements.
func (a *application) listen(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var s said
		if json.Unmarshal(lines.Bytes(), &s) != nil {
			continue
		}
		a.mu.Lock()
		act := a.shards[s.Shard]
		a.mu.Unlock()
		if act != nil {
			select {
			case act.acks <- s.N:
			default: // sent again, and acknowledged again
			}
		}
	}
}

// follow says who is the coordinator, and the leader.
func (a *application) follow(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	coordinator, leader, silent := false, false, true
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		holder, _ := a.cluster.view.coordinating()
		if is := holder.member == a.config.Member; is != coordinator {
			coordinator = is
			a.say("coordinator", strconv.FormatBool(is), 0, boottime.Elapsed())
		}
		if is := a.cluster.engine.Leads(); is != leader {
			leader = is
			a.say("leader", strconv.FormatBool(is), 0, boottime.Elapsed())
		}
		if is := !a.cluster.MaySend(); is != silent {
			silent = is
			a.say("silent", strconv.FormatBool(is), 0, boottime.Elapsed())
		}
	}
}

func runMember(text string) error {
	a := &application{out: bufio.NewWriter(os.Stdout), shards: map[string]*activity{}, active: map[string]bool{}}
	if err := json.Unmarshal([]byte(text), &a.config); err != nil {
		return err
	}
	for i := range a.config.Active {
		a.active[plan.Name("", i*plan.Shards/a.config.Active)] = true
	}
	var err error
	a.cluster, err = New(Config{Settings: a.config.settings(), Dir: a.config.Dir, Version: "test",
		Shards: func() []plan.Shard { return AllShards("") },
		Log:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))}, a)
	if err != nil {
		return err
	}
	a.cluster.measured = slowWhenAsked()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go a.listen(os.Stdin)
	go a.explain()
	go a.follow(ctx)
	return a.cluster.Run(ctx)
}

// explain writes the state to the log when asked to, after a test has failed.
func (a *application) explain() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for range asked {
		s := a.cluster.status()
		s.Unowned = s.Unowned[:min(5, len(s.Unowned))]
		lease, usable := a.cluster.session.usable()
		d := a.cluster.view.duties(a.config.Member, a.cluster.settings.Zone, lease)
		a.cluster.mu.Lock()
		states := map[state]int{}
		for _, s := range a.cluster.shards {
			states[s.state]++
		}
		a.cluster.mu.Unlock()
		text, _ := json.Marshal(s)
		fmt.Fprintf(os.Stderr, "%s lease %x usable %v, planned here %d, free %d, ours %d, states %v, plan of %v\n", text, lease, usable, len(d.planned), len(d.free), len(d.ours), states, a.cluster.view.plan.Members)
	}
}

// slowWhenAsked makes writes look slow from SIGUSR2 on.
func slowWhenAsked() func(time.Duration) time.Duration {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR2)
	slow := false
	return func(took time.Duration) time.Duration {
		select {
		case <-asked:
			slow = true
		default:
		}
		if slow {
			took += time.Second
		}
		return took
	}
}
