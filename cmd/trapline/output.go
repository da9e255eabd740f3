package main

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

// outputFlags say how results are written.
type outputFlags struct {
	format, color *string
}

func addOutputFlags(c flagger) *outputFlags {
	return &outputFlags{
		format: outputFlag(c).Default("table").Enum("table", "wide", "json", "csv"),
		color:  c.Flag("color", "When to write in colours: auto is on terminals, unless NO_COLOR is set.").Default("auto").Enum("auto", "always", "never"),
	}
}

func outputFlag(c flagger) *kingpin.FlagClause {
	return c.Flag("output", "How to write results: table, wide (with more columns), json (what the API answers) or csv.").Short('o')
}

// printer writes results to standard output.
type printer struct {
	format   string
	out      io.Writer
	terminal bool
	color    bool
	width    int // of the terminal; 0 means that no line is cut
}

func (f *outputFlags) printer() *printer {
	p := &printer{format: *f.format, out: os.Stdout}
	p.terminal = term.IsTerminal(int(os.Stdout.Fd()))
	p.color = *f.color == "always" || *f.color == "auto" && p.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && p.terminal {
		p.width = width
	}
	return p
}

// style is a role of a text, by the parameter of SGR (ECMA-48) that shows it.
type style string

const (
	plain style = ""
	bold  style = "1"
	faint style = "2"
	bad   style = "31"
	good  style = "32"
	fair  style = "33"
)

func (p *printer) styled(text string, s style) string {
	if !p.color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// column is a column of a table.
type column struct {
	name  string
	exact string // in csv; "" is name
	wide  bool   // only with -o wide and csv
	right bool   // numbers
}

// item is a value in a table.
type item struct {
	text  string
	style style
	mark  string // in front of the text, on terminals
	exact string // for csv; "" is text
}

func words(texts ...string) (cells []item) {
	for _, t := range texts {
		cells = append(cells, item{text: t})
	}
	return cells
}

// grid is a table of cells.
type grid struct {
	columns []column
	rows    [][]item
}

func (g *grid) add(cells ...item) { g.rows = append(g.rows, cells) }

// data writes what the API answers, if that is wanted.
func (p *printer) data(raw json.RawMessage) (done bool, err error) {
	if p.format != "json" {
		return false, nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return true, err
	}
	b.WriteByte('\n')
	_, err = io.WriteString(p.out, harmless(b.String()))
	return true, err
}

// harmless escapes characters of JSON that a terminal might take for a command. Its values stay the same.
func harmless(text string) string {
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

// grid writes a table, as CSV where that is wanted.
func (p *printer) grid(g *grid) error {
	if p.format == "csv" {
		return p.csv(g)
	}
	var shown []int
	for i, c := range g.columns {
		if !c.wide || p.format == "wide" {
			shown = append(shown, i)
		}
	}
	widths := make([]int, len(g.columns))
	for _, i := range shown {
		widths[i] = lipgloss.Width(g.columns[i].name)
		for _, row := range g.rows {
			widths[i] = max(widths[i], lipgloss.Width(p.text(row[i])))
		}
	}
	header := make([]item, len(g.columns))
	for i, c := range g.columns {
		header[i] = item{text: strings.ToUpper(c.name), style: faint}
	}
	for _, row := range append([][]item{header}, g.rows...) {
		if _, err := fmt.Fprintln(p.out, p.line(g, row, shown, widths)); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) text(c item) string {
	text := human.Visible(c.text)
	if p.terminal && c.mark != "" {
		return c.mark + " " + text
	}
	return text
}

// line lays out a row. On a terminal it takes one line.
func (p *printer) line(g *grid, row []item, shown, widths []int) string {
	var b strings.Builder
	used := 0
	for n, i := range shown {
		text := p.text(row[i])
		room := widths[i]
		if n > 0 {
			b.WriteString("  ")
			used += 2
		}
		if p.width > 0 {
			if used >= p.width {
				break
			}
			text, room = cut(text, p.width-used), min(room, p.width-used)
		}
		pad := strings.Repeat(" ", max(0, room-lipgloss.Width(text)))
		if g.columns[i].right {
			b.WriteString(pad)
		}
		b.WriteString(p.styled(text, row[i].style))
		if !g.columns[i].right && n < len(shown)-1 {
			b.WriteString(pad)
		}
		used += room
	}
	return strings.TrimRight(b.String(), " ")
}

// cut shortens a text to a width.
func cut(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && lipgloss.Width(string(runes)) > width-1 {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func (p *printer) csv(g *grid) error { return p.csvRows(g, true) }

// csvRows writes rows, which a stream may have more of.
func (p *printer) csvRows(g *grid, header bool) error {
	w := csv.NewWriter(p.out)
	record := make([]string, len(g.columns))
	for i, c := range g.columns {
		record[i] = strings.ReplaceAll(cmp.Or(c.exact, c.name), " ", "_")
	}
	if header {
		_ = w.Write(record) // Error tells
	}
	for _, row := range g.rows {
		for i, c := range row {
			record[i] = api.Inert(cmp.Or(c.exact, c.text))
			if p.terminal {
				record[i] = human.Visible(record[i])
			}
		}
		_ = w.Write(record)
	}
	w.Flush()
	return w.Error()
}
