package views

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

// topFrame is how many lines of the screen are not rows: the title, the header and the keys.
const topFrame = 3

// topPoints is how many points of the history are shown.
const topPoints = 12

var (
	topTitle  = lipgloss.NewStyle().Bold(true)
	topFaint  = lipgloss.NewStyle().Faint(true)
	topBad    = lipgloss.NewStyle().Foreground(lipgloss.Red)
	topStates = map[api.State]lipgloss.Style{
		api.Up: lipgloss.NewStyle().Foreground(lipgloss.Green), api.Partial: lipgloss.NewStyle().Foreground(lipgloss.Yellow),
		api.Down: topBad, api.Waiting: topFaint, api.Unknown: lipgloss.NewStyle().Foreground(lipgloss.Yellow),
	}
)

// topStyled leaves colors out where the user wants none.
func topStyled(s lipgloss.Style, text string) string {
	if os.Getenv("NO_COLOR") != "" {
		return text
	}
	return s.Render(text)
}

// View draws the screen.
func (m *topModel) View() tea.View {
	rows := m.rows()
	m.charted = m.charted && slices.ContainsFunc(rows, m.isChosen)
	var lines []string
	if m.charted {
		lines = m.chartLines(rows)
		lines = lines[:min(len(lines), max(1, m.height-1))]
	} else {
		lines = m.tableLines(rows)
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines, m.keys(len(rows)))
	for i := range lines {
		if m.width > 0 {
			lines[i] = lipgloss.NewStyle().MaxWidth(m.width).Render(lines[i])
		}
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	return v
}

// tableLines is the screen with the table on it.
func (m *topModel) tableLines(rows []topRow) []string {
	m.follow(rows)
	at := m.cursor(rows)
	heads := "  " + m.cells(&topCells{"INTERFACE", "ALIAS", "IN", "OUT", "USE", "HISTORY", "ERR/s", "DISC/s"})
	if m.measures() {
		heads = "  " + m.measure("STATE", "NAME", "MEASURES", "VALUE", "LIMITS", "HISTORY")
	}
	lines := []string{m.title(), topStyled(topFaint, heads)}
	for i := m.scroll; i < min(len(rows), m.scroll+m.room()); i++ {
		mark := "  "
		if i == at {
			mark = "› "
		}
		lines = append(lines, mark+m.row(&rows[i]))
	}
	return lines
}

// title is how the target fares, or why the server does not answer.
func (m *topModel) title() string {
	t := &m.data.target
	title := fmt.Sprintf("%s  %s  %s  RTT %s  loss %s", topStyled(topTitle, human.Visible(t.Name)), topStyled(topStates[t.State], string(t.State)),
		human.Span(t.Duration), human.Span(t.RTT), human.Percent(t.Loss))
	if m.data.err != nil {
		return title + "  " + topStyled(topBad, "as of "+human.Moment(m.data.at)+": "+human.Visible(m.data.err.Error()))
	}
	if t.Problem != nil {
		title += "  " + topStyled(topBad, human.Visible(t.Problem.Text))
	}
	return title + topStyled(topFaint, fmt.Sprintf("  polled %s, every %s", human.SinceWords(t.LastPoll), human.Span(t.Interval)))
}

func (m *topModel) keys(rows int) string {
	if m.filtering {
		return "/" + human.Visible(m.filter) + "█"
	}
	if m.charted {
		return topStyled(topFaint, "q back")
	}
	parts := []string{"q quit", "↵ chart", "/ filter", "e errors", "s sort by " + sortName(sortColumns[m.sort])}
	if m.measures() {
		parts = parts[:4]
	}
	if m.filter != "" {
		parts[2] = "/ filter: " + human.Visible(m.filter) + " (esc clears)"
	}
	if m.errors {
		parts[3] = "e all rows"
	}
	if next := nextTable(m.table, m.data.target.Tables); next != m.table {
		parts = append(parts, "t "+next)
	}
	return topStyled(topFaint, fmt.Sprintf("%s   %s of %s", strings.Join(parts, " · "), human.Grouped(rows), human.Counted(len(m.data.table.Rows), "row")))
}

func sortName(column string) string {
	if column == "" {
		return "index"
	}
	return column
}

func (m *topModel) row(r *topRow) string {
	if m.measures() {
		return topStyled(measureStyles[r.state], m.measure(r.state, human.Visible(r.name), human.Visible(r.alias), r.value, r.limits, sparkline(r.history, topPoints)))
	}
	rate := func(name string) string {
		if v := r.values[name]; v >= 0 {
			return human.Scaled(v, "bit/s")
		}
		return "-"
	}
	small := func(name string) string {
		if v := r.values[name]; v >= 0 {
			return human.Trimmed(v, 2)
		}
		return "-"
	}
	line := m.cells(&topCells{human.Visible(r.name), human.Visible(r.alias), rate("in"), rate("out"), bar(r.values["use"]), sparkline(r.history, topPoints), small("errors"), small("discards")})
	if r.values["errors"] > 0 {
		return topStyled(topBad, line)
	}
	if r.state != "" && r.state != "up" {
		return topStyled(topFaint, line)
	}
	return line
}

// topCells are the texts of a line of the table.
type topCells struct {
	name, alias, in, out, use, history, errors, discards string
}

// cells lays out a line. Names get the rest of the width.
func (m *topModel) cells(c *topCells) string {
	const numbers = 2 + 11 + 11 + 9 + topPoints + 7 + 7 + 7*2 // with the blanks between them
	room := max(20, max(m.width, 80)-numbers)
	first := min(24, room/2)
	return fmt.Sprintf("%s  %s  %s  %s  %s  %s  %s  %s", left(c.name, first), left(c.alias, room-first), right(c.in, 11), right(c.out, 11), left(c.use, 9),
		left(c.history, topPoints), right(c.errors, 7), right(c.discards, 7))
}

// measures reports whether the table is one of vendor-neutral measures.
func (m *topModel) measures() bool { return topColumnsOf(&m.data.table).measures() }

var measureStyles = map[string]lipgloss.Style{"failed": topBad, "degraded": lipgloss.NewStyle().Foreground(lipgloss.Yellow), "unknown": topFaint}

// measure lays out a line of a table of measures.
func (m *topModel) measure(state, name, what, value, limits, history string) string {
	const others = 2 + 8 + 24 + topPoints + 5*2
	room := max(40, max(m.width, 80)-others)
	first := min(30, room/2)
	return fmt.Sprintf("%s  %s  %s  %s  %s  %s", left(state, 8), left(name, first), left(what, (room-first)*2/3), left(value, 24), left(history, topPoints), left(limits, (room-first)/3))
}

func left(text string, width int) string {
	text = cli.Cut(text, width)
	return text + strings.Repeat(" ", max(0, width-lipgloss.Width(text)))
}

func right(text string, width int) string {
	return strings.Repeat(" ", max(0, width-lipgloss.Width(text))) + text
}

// bar shows a share of 100 in nine characters.
func bar(percent float64) string {
	if percent < 0 {
		return "-"
	}
	eighths := int(math.Round(min(percent, 100) / 100 * 9 * 8))
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string(rune('█' + 8 - rest)) // U+2588 is the full block, U+258F an eighth of it
	}
	return text
}

// sparkline draws the last points, the highest as a full block.
func sparkline(points []float64, n int) string {
	points = points[max(0, len(points)-n):]
	low, top := chartRange(points)
	var b strings.Builder
	for _, v := range points {
		switch {
		case v == gap:
			b.WriteByte(' ')
		case top == low:
			b.WriteRune('▁')
		default:
			b.WriteRune('▁' + rune(math.Round((v-low)/(top-low)*7)))
		}
	}
	return b.String()
}
