package lawtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Of the Evaluations that are made, BlockSize are a block. The first readable ones are written as they are.
const (
	Evaluations = 100_000
	BlockSize   = 1000
	readable    = 50
)

// Blocks makes rules, evaluates each of them up to 200 times, and yields the outcomes block by block. They are the same each
// time, as long as the rules are.
func Blocks(newRule func(Rule) func(Evaluation) Outcome) iter.Seq[Block] {
	return func(yield func(Block) bool) {
		var b Block
		random := rand.New(rand.NewPCG(1, 2))
		for {
			rule := randomRule(random)
			b.heading(rule)
			t := trial{random: random, at: begin, odds: random.Float64(), evaluate: newRule(rule)}
			for range 1 + random.IntN(200) {
				e := t.next()
				b.add(e, t.evaluate(e))
				if len(b.ends) < BlockSize {
					continue
				}
				if !yield(b) || b.Number+1 == Evaluations/BlockSize {
					return
				}
				b = Block{Number: b.Number + 1}
			}
		}
	}
}

// Block is the outcomes of some evaluations.
type Block struct {
	Number              int
	Resolved, Conflicts int // alerts that ended, and evaluations that failed

	text bytes.Buffer
	ends []int // of the evaluations in text
}

func (b *Block) String() string { return b.text.String() }

func (b *Block) heading(r Rule) {
	fmt.Fprintf(&b.text, "rule: for %v, keep_firing_for %v, labels %q, annotations %q\n", r.For, r.KeepFiringFor, r.Labels, r.Annotations)
}

// add writes an outcome down. The order of alerts and series is of no meaning.
func (b *Block) add(e Evaluation, o Outcome) {
	fmt.Fprintf(&b.text, "  %s, offset %v: found %d, error %v\n", since(e.At), e.Offset, len(e.Found), o.Err)
	var lines []string
	for _, a := range o.Alerts {
		state := "pending"
		if a.Firing {
			state = "firing"
		}
		lines = append(lines, fmt.Sprintf("    %s %v = %v, active %s, fired %s, kept %s, annotations %v\n", state, a.Labels, a.Value, since(a.ActiveAt), since(a.FiredAt), since(a.KeepFiringSince), a.Annotations))
	}
	for _, l := range o.Resolved {
		lines = append(lines, fmt.Sprintf("    resolved %v\n", l))
	}
	for _, s := range o.Series {
		lines = append(lines, line(s))
	}
	slices.Sort(lines)
	b.text.WriteString(strings.Join(lines, ""))
	b.ends = append(b.ends, b.text.Len())
	b.Resolved += len(o.Resolved)
	if o.Err != nil {
		b.Conflicts++
	}
}

func line(s promql.Sample) string { return fmt.Sprintf("    %v %v @%d\n", s.Metric, s.F, s.T) }

// since is a time as an offset from begin.
func since(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Sub(begin).String()
}

// WriteRecord writes a block as it is recorded: a digest, and of the first block the first evaluations.
func (b *Block) WriteRecord(to io.Writer) error {
	if b.Number == 0 {
		if _, err := to.Write(b.text.Bytes()[:b.ends[readable-1]]); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(to, "block %d: SHA-256 %x\n", b.Number, sha256.Sum256(b.text.Bytes()))
	return err
}
