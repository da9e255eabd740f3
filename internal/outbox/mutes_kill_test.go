package outbox

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// storyOfChild names the file of the chapter that the test binary performs as a process of its own.
const storyOfChild = "TRAPLINE_TEST_STORY"

// chapter is a line of a story, which a process performs before it is killed. It leaves the next one, with its clock.
type chapter struct {
	Line     string
	Elapsed  time.Duration
	Receiver string
	Silences []string
	Sent     string // by the line before
}

func chapterIn(file string) (c chapter, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	return c, err
}

func (c *chapter) leave(file string) error {
	text, err := json.Marshal(c)
	if err == nil {
		err = statedir.ReplaceFile(file, text)
	}
	return err
}

// TestChildOfAStory is no test but the processes that TestMutedAlarmsAndKills kills.
func TestChildOfAStory(t *testing.T) {
	file := os.Getenv(storyOfChild)
	if file == "" {
		t.Skip("it is run by another test")
	}
	c, err := chapterIn(file)
	if err != nil {
		t.Fatal(err)
	}
	q := &quiet{t: t, dir: filepath.Dir(file), nms: &outboxtest.Receiver{}, receiver: c.Receiver, silences: c.Silences, hand: &byHand{elapsed: c.Elapsed}}
	state, err := statedir.Open(q.dir, nil, q.now())
	if err != nil {
		t.Fatal(err)
	}
	route := q.nms.Route("nms-1")
	quietRoutes[q.receiver](route)
	q.hand.outbox, err = New(state, []*queue.Route{route}, Options{
		Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Mutes: quietRules(t), Clock: q.hand.clock(),
	}, q.now())
	if err != nil {
		t.Fatal(err)
	}
	q.running = &running{outbox: q.hand.outbox, t: t}
	sent := q.do(c.Line)
	if err := (&chapter{Elapsed: q.hand.elapsed, Receiver: q.receiver, Silences: q.silences, Sent: sent}).leave(file); err != nil {
		t.Fatal(err)
	}
	fmt.Println("\ndone")
	select {} // until it is killed
}

// The stories are the same if the process is killed after each line, and another one goes on.
func TestMutedAlarmsAndKills(t *testing.T) {
	t.Parallel()
	for _, row := range quietTable {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "chapter")
			c := chapter{Receiver: "nms-1"}
			var b strings.Builder
			for _, line := range linesOf(row.story) {
				c.Line = line
				if err := c.leave(file); err != nil {
					t.Fatal(err)
				}
				performAndKill(t, file)
				var err error
				if c, err = chapterIn(file); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(&b, storyLine(line, c.Sent))
			}
			if got := "\n" + b.String() + "\t"; got != row.story {
				t.Errorf("killed after each line:%swant%s", got, row.story)
			}
		})
	}
}

// performAndKill runs a process that performs a chapter, and kills it.
func performAndKill(t *testing.T, file string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildOfAStory$")
	child.Env = append(os.Environ(), storyOfChild+"="+file)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	awaitLine(t, out, "done")
	_ = child.Process.Kill()
	_ = child.Wait()
	inspect(t, filepath.Dir(file))
}
