package views

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"trapline/internal/api"
)

// topModel is the state of the screen of top.
type topModel struct {
	ctx    context.Context
	source topAsker
	every  time.Duration
	data   topData
	table  string // to ask for; data may have the one before it

	turning   bool // the answer with another table is awaited
	sort      int  // index in sortColumns
	filter    string
	filtering bool // the filter is being typed
	errors    bool // only rows with errors or discards
	scroll    int
	chosen    string // key of the row with the cursor; "" is the first
	charted   bool   // its history is drawn
	width     int
	height    int
}

// tick is the time to ask again.
type tick struct{}

func (m *topModel) wait() tea.Cmd {
	return tea.Tick(m.every, func(time.Time) tea.Msg { return tick{} })
}

// Init waits for the first time to ask again.
func (m *topModel) Init() tea.Cmd { return m.wait() }

// Update takes a key, an answer or a new size.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tick:
		table := m.table
		return m, func() tea.Msg { return m.source.ask(m.ctx, table) }
	case topData:
		m.take(msg)
		return m, m.wait()
	case turned:
		m.turning = false
		m.take(topData(msg))
	case tea.KeyPressMsg:
		return m, m.key(msg)
	}
	return m, nil
}

// take shows an answer. That of a table which is no longer asked for is late.
func (m *topModel) take(d topData) {
	switch {
	case d.err != nil:
		m.data.err = d.err // the data before it stays, with its time
	case m.table == "" || d.table.Name == m.table:
		m.data, m.table = d, d.table.Name
	}
}

func (m *topModel) key(k tea.KeyPressMsg) tea.Cmd {
	if k.String() == "ctrl+c" {
		return tea.Interrupt
	}
	if m.filtering {
		m.typed(k)
		return nil
	}
	if m.charted {
		m.charted = !slices.Contains([]string{"q", "esc", "enter"}, k.String())
		return nil
	}
	switch k.String() {
	case "q":
		return tea.Quit
	case "enter":
		m.move(0) // so that the chart stays with this row when another one comes first
		m.charted = len(m.rows()) > 0
	case "esc":
		m.filter = ""
	case "t":
		return m.turn()
	case "s":
		m.sort = (m.sort + 1) % len(sortColumns)
	case "/":
		m.filtering = true
	case "e":
		m.errors = !m.errors
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-m.room())
	case "pgdown", "space":
		m.move(m.room())
	case "home", "g":
		m.move(-len(m.data.table.Rows))
	}
	return nil
}

// turn shows the next table.
func (m *topModel) turn() tea.Cmd {
	m.table, m.chosen, m.scroll = nextTable(m.table, m.data.target.Tables), "", 0
	if m.turning {
		return nil
	}
	m.turning = true
	table := m.table
	return func() tea.Msg { return turned(m.source.ask(m.ctx, table)) }
}

// turned is the answer with another table. The time to ask again stays.
type turned topData

// move puts the cursor some rows further down.
func (m *topModel) move(by int) {
	rows := m.rows()
	if at := max(0, min(m.cursor(rows)+by, len(rows)-1)); len(rows) > 0 {
		m.chosen = rows[at].key
	}
}

// cursor is the row that was chosen, else the first.
func (m *topModel) cursor(rows []topRow) int {
	return max(0, slices.IndexFunc(rows, m.isChosen))
}

func (m *topModel) isChosen(r topRow) bool { return r.key == m.chosen }

// follow scrolls so that the cursor is on the screen.
func (m *topModel) follow(rows []topRow) {
	at := m.cursor(rows)
	m.scroll = max(0, min(m.scroll, len(rows)-m.room(), at))
	m.scroll = max(m.scroll, at-m.room()+1)
}

// maxFilter bounds the filter.
const maxFilter = 100

// typed takes a key of the filter.
func (m *topModel) typed(k tea.KeyPressMsg) {
	m.scroll = 0
	switch k.String() {
	case "enter":
		m.filtering = false
	case "esc":
		m.filtering, m.filter = false, ""
	case "backspace":
		if runes := []rune(m.filter); len(runes) > 0 {
			m.filter = string(runes[:len(runes)-1])
		}
	default:
		if len(m.filter)+len(k.Text) <= maxFilter {
			m.filter += k.Text
		}
	}
}

// room is how many rows the screen has for the table.
func (m *topModel) room() int { return max(1, m.height-topFrame) }

// sortColumns are the orders that s goes through: the busiest first, then by name.
var sortColumns = []string{"use", "in", "out", "errors", ""}

// rows are those that the filters let through, sorted.
func (m *topModel) rows() []topRow {
	c := topColumnsOf(&m.data.table)
	var rows []topRow
	for i := range m.data.table.Rows {
		row := c.row(&m.data.table.Rows[i])
		text := strings.ToLower(row.name + " " + row.alias + " " + row.state)
		if m.filter != "" && !strings.Contains(text, strings.ToLower(m.filter)) || m.errors && !row.faulty() {
			continue
		}
		rows = append(rows, row)
	}
	if by := sortColumns[m.sort]; by != "" && !c.measures() {
		slices.SortStableFunc(rows, func(a, b topRow) int { return cmp.Compare(b.values[by], a.values[by]) })
	}
	return rows
}

// topRow is a row of the table.
type topRow struct {
	key, name, alias, state string
	value, limits           string               // of a measure
	values                  map[string]float64   // By column; -1 where there is none
	history                 []float64            // -1 is a gap
	histories               map[string][]float64 // By column
}

// faulty reports whether there are errors, or the part is not ok.
func (r *topRow) faulty() bool {
	return r.values["errors"] > 0 || r.values["discards"] > 0 || r.state == "failed" || r.state == "degraded"
}

// topColumns are the columns of a table that top shows.
type topColumns struct {
	index map[string]int
	names []string
}

func topColumnsOf(t *api.Table) *topColumns {
	c := &topColumns{index: map[string]int{}}
	for i, column := range t.Columns {
		c.index[column.Name] = i
		c.names = append(c.names, column.Name)
	}
	return c
}

func (c *topColumns) text(r *api.TableRow, names ...string) string {
	for _, name := range names {
		if i, ok := c.index[name]; ok && i < len(r.Cells) {
			return r.Cells[i]
		}
	}
	return ""
}

func (c *topColumns) row(r *api.TableRow) topRow {
	row := topRow{key: r.Key, histories: r.History, name: c.text(r, "interface", "name"), alias: c.text(r, "alias", "description"), state: cmp.Or(r.State, c.text(r, "state")), values: map[string]float64{}}
	if row.name == "" {
		row.name = r.Key
	}
	for _, name := range []string{"in", "out", "use", "errors", "discards"} {
		row.values[name] = -1
		if i, ok := c.index[name]; ok && i < len(r.Values) && r.Values[i] != nil {
			row.values[name] = *r.Values[i]
		}
	}
	if c.measures() {
		row.value, row.limits, row.history = c.text(r, "value"), c.text(r, "limits"), r.History["value"]
		return row
	}
	row.history = topHistory(r.History)
	return row
}

// measures reports whether the rows are vendor-neutral measures.
func (c *topColumns) measures() bool { _, ok := c.index["value"]; return ok }

// topHistory adds up the directions of a row.
func topHistory(of map[string][]float64) []float64 {
	in, out := of["in"], of["out"]
	sum := make([]float64, max(len(in), len(out)))
	for i := range sum {
		a, b := -1.0, -1.0
		if j := i - (len(sum) - len(in)); j >= 0 {
			a = in[j]
		}
		if j := i - (len(sum) - len(out)); j >= 0 {
			b = out[j]
		}
		sum[i] = max(a, 0) + max(b, 0)
		if a < 0 && b < 0 {
			sum[i] = -1
		}
	}
	return sum
}
