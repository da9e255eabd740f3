package api

import "time"

// TableQuery selects rows of a table of a target.
type TableQuery struct {
	Target  string
	Table   string // a name of Target.Tables, or the OID of the table
	Rates   bool   // with rates between the last two polls
	History bool   // with histories
	Limit   int    // rows; 0 means 1000
	Offset  int
}

// Table is a table of a target as its last poll had it.
type Table struct {
	Name    string        `json:"name"`
	Title   string        `json:"title"`
	Columns []TableColumn `json:"columns"`
	Rows    []TableRow    `json:"rows"`
	Every   float64       `json:"every"` // seconds between points of histories
	Total   int           `json:"total"` // rows, those included that the query left out
	AsOf    time.Time     `json:"as_of"` // end of the poll
}

// TableColumn describes a column.
type TableColumn struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Unit  string `json:"unit,omitempty"` // bit/s, /s, %, °C …
}

// TableRow is a row. Cells and Values stand in the order of the columns.
type TableRow struct {
	Key     string               `json:"key"` // label="value",… of the row
	State   string               `json:"state,omitempty"`
	Cells   []string             `json:"cells"`             // as text
	Values  []*float64           `json:"values"`            // as numbers; null where there is none
	History map[string][]float64 `json:"history,omitempty"` // by column name, the oldest first; -1 is a gap
}
