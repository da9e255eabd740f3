package cli

import (
	"fmt"
	"strings"

	"trapline/internal/api"
	"trapline/internal/human"
)

// Field writes a name and its text, unless that is empty.
func (p *Printer) Field(name, text string) {
	if text != "" {
		fmt.Fprintf(p.Out, "%-10s %s\n", name, human.Visible(text))
	}
}

// Problems writes the problems of a target with their remedies, in the words of the API.
func (p *Printer) Problems(t *api.Target) {
	problems := t.Problems
	if len(problems) == 0 && t.Problem != nil {
		problems = []api.Problem{*t.Problem}
	}
	for i := range problems {
		p.Problem(&problems[i])
	}
}

// Problem writes a problem with its remedy.
func (p *Printer) Problem(problem *api.Problem) {
	fmt.Fprintf(p.Out, "%-10s %s\n", "Problem", p.Styled(human.Visible(problem.Text), Bad))
	p.Field("", problem.Remedy)
}

// Step writes a condition and whether it holds.
func (p *Printer) Step(s *api.Step) {
	styles := map[string]Style{"ok": Good, "failed": Bad, "unknown": Faint}
	marks := map[string]string{"ok": "✓", "failed": "✗", "unknown": "?"}
	text := fmt.Sprintf("  %s %s", marks[s.State], human.Visible(s.Name))
	fmt.Fprintln(p.Out, strings.TrimRight(p.Styled(text, styles[s.State])+"  "+human.Visible(s.Text), " "))
}
