package cli

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"trapline/internal/api"
	"trapline/internal/human"
)

// OutputFlags say how results are written.
type OutputFlags struct {
	format, color *string
	json          *bool
}

// AddOutputFlags adds the flags.
func AddOutputFlags(c Flagger) *OutputFlags {
	return &OutputFlags{
		format: outputFlag(c).Default("table").Enum("table", "wide", "json", "csv"),
		json:   c.Flag("json", "The same as --output=json.").Bool(),
		color:  c.Flag("color", "When to write in colors: auto is on terminals, unless NO_COLOR is set.").Default("auto").Enum("auto", "always", "never"),
	}
}

func outputFlag(c Flagger) *kingpin.FlagClause {
	return c.Flag("output", "How to write results: table, wide (with more columns), json (what the API answers) or csv.").Short('o')
}

// Printer writes results to standard output.
type Printer struct {
	Format   string
	Out      io.Writer
	Terminal bool
	color    bool
	width    int // of the terminal; 0 means that no line is cut
}

// Printer returns the printer to standard output that the flags select.
func (f *OutputFlags) Printer() *Printer {
	p := &Printer{Format: *f.format, Out: os.Stdout}
	if *f.json {
		p.Format = "json"
	}
	p.Terminal = term.IsTerminal(int(os.Stdout.Fd()))
	p.color = *f.color == "always" || *f.color == "auto" && p.Terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && p.Terminal {
		p.width = width
	}
	return p
}

// Style is a role of a text, by the parameter of SGR (ECMA-48) that shows it.
type Style string

// The styles.
const (
	Plain Style = ""
	Bold  Style = "1"
	Faint Style = "2"
	Bad   Style = "31"
	Good  Style = "32"
	Fair  Style = "33"
)

// Styled returns text in a style, if colors are wanted.
func (p *Printer) Styled(text string, s Style) string {
	if !p.color || s == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Column is a column of a table.
type Column struct {
	Name  string
	Exact string // in csv; "" is name
	Wide  bool   // only with -o wide and csv
	Right bool   // numbers
}

// Item is a value in a table.
type Item struct {
	Text  string
	Style Style
	Mark  string // in front of the text, on terminals
	Exact string // for csv; "" is text
}

// Words returns a cell for each text.
func Words(texts ...string) (cells []Item) {
	for _, t := range texts {
		cells = append(cells, Item{Text: t})
	}
	return cells
}

// Grid is a table of cells.
type Grid struct {
	Columns []Column
	rows    [][]Item
}

// Add adds a row.
func (g *Grid) Add(cells ...Item) { g.rows = append(g.rows, cells) }

// Len returns the number of rows.
func (g *Grid) Len() int { return len(g.rows) }

// Data writes the answer of the API as JSON, with -o json.
func (p *Printer) Data(raw json.RawMessage) (done bool, err error) {
	if p.Format != "json" {
		return false, nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return true, err
	}
	b.WriteByte('\n')
	_, err = io.WriteString(p.Out, Harmless(b.String()))
	return true, err
}

// Harmless escapes characters of JSON that a terminal might take for a command. Its values stay the same.
func Harmless(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r > 0x7e }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Grid writes a table, as CSV where that is wanted.
func (p *Printer) Grid(g *Grid) error {
	if p.Format == "csv" {
		return p.csv(g)
	}
	var shown []int
	for i, c := range g.Columns {
		if !c.Wide || p.Format == "wide" {
			shown = append(shown, i)
		}
	}
	widths := make([]int, len(g.Columns))
	for _, i := range shown {
		widths[i] = lipgloss.Width(g.Columns[i].Name)
		for _, row := range g.rows {
			widths[i] = max(widths[i], lipgloss.Width(p.Text(row[i])))
		}
	}
	header := make([]Item, len(g.Columns))
	for i, c := range g.Columns {
		header[i] = Item{Text: strings.ToUpper(c.Name), Style: Faint}
	}
	for _, row := range append([][]Item{header}, g.rows...) {
		if _, err := fmt.Fprintln(p.Out, p.line(g, row, shown, widths)); err != nil {
			return err
		}
	}
	return nil
}

// Text returns the text of a cell as it is printed, with its mark on a terminal.
func (p *Printer) Text(c Item) string {
	text := human.Visible(c.Text)
	if p.Terminal && c.Mark != "" {
		return c.Mark + " " + text
	}
	return text
}

// line lays out a row. On a terminal it takes one line.
func (p *Printer) line(g *Grid, row []Item, shown, widths []int) string {
	var b strings.Builder
	used := 0
	for n, i := range shown {
		text := p.Text(row[i])
		room := widths[i]
		if n > 0 {
			b.WriteString("  ")
			used += 2
		}
		if p.width > 0 {
			if used >= p.width {
				break
			}
			text, room = Cut(text, p.width-used), min(room, p.width-used)
		}
		pad := strings.Repeat(" ", max(0, room-lipgloss.Width(text)))
		if g.Columns[i].Right {
			b.WriteString(pad)
		}
		b.WriteString(p.Styled(text, row[i].Style))
		if !g.Columns[i].Right && n < len(shown)-1 {
			b.WriteString(pad)
		}
		used += room
	}
	return strings.TrimRight(b.String(), " ")
}

// Cut shortens a text to a width.
func Cut(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && lipgloss.Width(string(runes)) > width-1 {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func (p *Printer) csv(g *Grid) error { return p.CsvRows(g, true) }

// CsvRows writes rows, which a stream may have more of.
func (p *Printer) CsvRows(g *Grid, header bool) error {
	w := csv.NewWriter(p.Out)
	record := make([]string, len(g.Columns))
	for i, c := range g.Columns {
		record[i] = strings.ReplaceAll(cmp.Or(c.Exact, c.Name), " ", "_")
	}
	if header {
		_ = w.Write(record) // Error returns the error
	}
	for _, row := range g.rows {
		for i, c := range row {
			record[i] = api.Inert(cmp.Or(c.Exact, c.Text))
			if p.Terminal {
				record[i] = human.Visible(record[i])
			}
		}
		_ = w.Write(record)
	}
	w.Flush()
	return w.Error()
}
