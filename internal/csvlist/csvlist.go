// Package csvlist reads lists of devices as spreadsheets have them.
package csvlist

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/setting"
)

// Target is a row of a list. Only Address is always there.
type Target struct {
	Name, Address, Auth, Interval string
	Modules                       []string
	Others, Labels                [][2]string // further keys of targets, and labels, in the order of their columns
}

// BadRow is a row that no target can be made of.
type BadRow struct {
	Line int
	Text string
}

// columnNames are the names of columns that are keys of targets, the likeliest first: beside an address, a hostname
// is a name. Whatever else there is becomes a label.
var columnNames = []struct {
	key   string
	names []string
}{
	{"address", []string{"address", "ip", "ip address", "ip_address", "ipaddress", "hostname", "host", "fqdn"}},
	{"name", []string{"name", "target", "device", "sysname", "hostname", "host"}},
	{"port", []string{"port"}},
	{"auth", []string{"auth", "credentials", "snmp_auth"}},
	{"modules", []string{"modules", "module"}},
	{"interval", []string{"interval"}},
}

// keysOf finds which key of targets each column is, by its name.
func keysOf(names []string) map[string]string {
	keys := map[string]string{}
	for _, c := range columnNames {
		i := slices.IndexFunc(c.names, func(name string) bool { return keys[name] == "" && slices.Contains(names, name) })
		if i >= 0 {
			keys[c.names[i]] = c.key
		}
	}
	return keys
}

// secret reports whether a column with this name has secrets, which labels would show.
func secret(label string) bool {
	return slices.ContainsFunc([]string{"community", "password", "passphrase", "secret"}, func(word string) bool { return strings.Contains(label, word) })
}

// plainKeys are further keys of targets, whose columns are called as they are.
var plainKeys = []string{"context", "context_engine_id", "timeout", "retries", "max_repetitions", "max_window", "max_rows", "source_address", "source_interface", "engine"}

// The bounds of a list.
const (
	maxRows    = 200_000
	maxColumns = 256
	maxRow     = 64 << 10 // octets
)

// Parse returns the targets of a list, and the errors of its other rows. An error is about the list as a whole.
func Parse(raw []byte) (list []Target, bad []BadRow, err error) {
	if err := notText(raw); err != nil {
		return nil, nil, err
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if err := longLine(raw); err != nil {
		return nil, nil, err
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = delimiter(raw), -1, true
	c, err := readHeader(r)
	if err != nil {
		return nil, nil, err
	}
	bad = c.bad
	for rows := 0; ; rows++ {
		fields, err := r.Read()
		if err == io.EOF {
			break
		}
		if rows == maxRows {
			return nil, nil, fmt.Errorf("there are more than %d rows", maxRows)
		}
		if parseError := (*csv.ParseError)(nil); errors.As(err, &parseError) {
			if parseError.Line > parseError.StartLine { // the rows between them are lost
				return nil, nil, fmt.Errorf("line %d opens a quote that ends nowhere, or amid a field of line %d", parseError.StartLine, parseError.Line)
			}
			bad = append(bad, BadRow{parseError.StartLine, parseError.Err.Error()})
			continue
		}
		if strings.TrimSpace(strings.Join(fields, "")) == "" {
			continue
		}
		line, _ := r.FieldPos(0)
		t, text := c.row(fields, line)
		if text != "" {
			bad = append(bad, BadRow{line, text})
		} else {
			list = append(list, t)
		}
	}
	if len(list)+len(bad) == len(c.bad) {
		return nil, nil, errors.New("there is no row below the names of the columns")
	}
	return list, bad, nil
}

// longLine reports a line that no person wrote.
func longLine(raw []byte) error {
	for number := 1; len(raw) > 0; number++ {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(line) > maxRow {
			return fmt.Errorf("line %d has more than %d octets", number, maxRow)
		}
		raw = rest
	}
	return nil
}

func readHeader(r *csv.Reader) (*columns, error) {
	header, err := r.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty: its first row names the columns, such as name,address,site")
	}
	if err == nil && len(header) > maxColumns {
		err = fmt.Errorf("there are more than %d columns", maxColumns)
	}
	if err != nil {
		return nil, err
	}
	return columnsOf(header)
}

// notText reports an encoding that programs for spreadsheets like.
func notText(raw []byte) error {
	if bytes.HasPrefix(raw, []byte{0xff, 0xfe}) || bytes.HasPrefix(raw, []byte{0xfe, 0xff}) {
		return errors.New("the text is UTF-16: save it as UTF-8")
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return errors.New("this is no text")
	}
	if !utf8.Valid(raw) {
		return errors.New("the text is not UTF-8: save it as UTF-8")
	}
	return nil
}

// delimiter returns the separator of the names of the columns.
func delimiter(raw []byte) rune {
	header, _, _ := bytes.Cut(raw, []byte("\n"))
	best, most := ',', bytes.Count(header, []byte(","))
	for _, d := range ";\t" {
		if n := bytes.Count(header, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}

// columns has the key or the label of each column of a list.
type columns struct {
	keys   []string // of targets; "" for a label
	labels []string
	taken  map[string]int // the line of each name
	bad    []BadRow       // columns whose names seem to be misspelled keys
}

// minKey is how long a key is that a label resembles by chance no more.
const minKey = 6

// doubt reports a column for a label that is probably meant for a key.
func (c *columns) doubt(column, name string) {
	if near := setting.OneOff(name, append([]string{"address", "interval", "modules"}, plainKeys...)); len(near) >= minKey {
		c.bad = append(c.bad, BadRow{1, fmt.Sprintf("column %q becomes a label: did you mean %s?", column, near)})
	}
}

func columnsOf(header []string) (*columns, error) {
	c := &columns{taken: map[string]int{}}
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.ToLower(strings.TrimSpace(name))
	}
	keys := keysOf(names)
	for i, name := range names {
		key := keys[name]
		if slices.Contains(c.keys, key) {
			key = ""
		}
		if slices.Contains(plainKeys, name) {
			key = name
		}
		label := strings.TrimRight(series.LabelName(name), "_")
		switch {
		case key == "" && (label == "" || slices.Contains(c.labels, label)):
			return nil, fmt.Errorf("column %d has no name of its own: name each column", i+1)
		case key == "" && secret(label):
			return nil, fmt.Errorf("column %q would become a label, which everyone can read: write the credentials into auths, and their name into a column auth", header[i])
		case key == "" && (label == poller.TargetLabel || strings.HasPrefix(name, "__")):
			return nil, fmt.Errorf("column %q cannot be a label: give it another name", header[i])
		case key != "":
			label = ""
		default:
			c.doubt(header[i], name)
		}
		c.keys, c.labels = append(c.keys, key), append(c.labels, label)
	}
	if !slices.Contains(c.keys, "address") {
		return nil, fmt.Errorf("the first row names no column address (or host, hostname, ip), but %s; commas, semicolons or tabs separate columns", strings.Join(header, ", "))
	}
	return c, nil
}

// row returns the target of a row, or its error.
func (c *columns) row(fields []string, line int) (t Target, parseError string) {
	if len(fields) > len(c.keys) {
		return t, fmt.Sprintf("%d fields, and %d columns have names: put a field with a delimiter in it into quotes", len(fields), len(c.keys))
	}
	port := ""
	for i, field := range fields {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		switch c.keys[i] {
		case "name":
			t.Name = field
		case "address":
			t.Address = field
		case "port":
			port = field
		case "auth":
			t.Auth = field
		case "modules":
			t.Modules = strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(" ,;|", r) })
		case "interval":
			t.Interval = field
		case "":
			t.Labels = append(t.Labels, [2]string{c.labels[i], field})
		default:
			t.Others = append(t.Others, [2]string{c.keys[i], field})
		}
	}
	if port != "" && strings.Count(t.Address, ":") > 1 {
		t.Address = "[" + t.Address + "]"
	}
	if port != "" {
		t.Address += ":" + port
	}
	return t, c.check(&t, line)
}

// check returns the first error of a target, or "".
func (c *columns) check(t *Target, line int) string {
	if t.Address == "" {
		return "no address"
	}
	s := poller.TargetSettings{Name: t.Name, Address: t.Address}
	if s.Name == "" {
		s.Name = t.Address
	}
	if m := s.Problems(); len(m) > 0 {
		return m[0].Text
	}
	if d, err := time.ParseDuration(t.Interval); t.Interval != "" && (err != nil || d < time.Second) {
		return fmt.Sprintf("interval %q: write a number with its unit, such as 30s, and at least 1s", t.Interval)
	}
	if first, taken := c.taken[s.Name]; taken {
		return fmt.Sprintf("the name %s is taken by line %d", s.Name, first)
	}
	c.taken[s.Name] = line
	return ""
}
