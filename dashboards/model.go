package dashboards

// Dashboard is the JSON model of a Grafana dashboard, as far as it is used here.
type Dashboard struct {
	UID           string           `json:"uid"`
	Title         string           `json:"title"`
	Description   string           `json:"description"`
	Tags          []string         `json:"tags"`
	SchemaVersion int              `json:"schemaVersion"`
	Editable      bool             `json:"editable"`
	GraphTooltip  int              `json:"graphTooltip"`
	Refresh       string           `json:"refresh"`
	Time          timeRange        `json:"time"`
	Timezone      string           `json:"timezone"`
	Links         []dashboardLink  `json:"links"`
	Annotations   list[annotation] `json:"annotations"`
	Templating    list[variable]   `json:"templating"`
	Panels        []Panel          `json:"panels"`
}

type list[T any] struct {
	List []T `json:"list"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// object is a part of the model that depends on the kind of panel.
type object = map[string]any

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// prometheus is the data source chosen by the viewer.
var prometheus = datasource{"prometheus", "${datasource}"}

type dashboardLink struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}

type annotation struct {
	Name       string     `json:"name"`
	Datasource datasource `json:"datasource"`
	Enable     bool       `json:"enable"`
	IconColor  string     `json:"iconColor"`
	Expr       string     `json:"expr"`
	Step       string     `json:"step"`
	Title      string     `json:"titleFormat"`
	Text       string     `json:"textFormat,omitempty"`
}

type variable struct {
	Name       string      `json:"name"`
	Label      string      `json:"label"`
	Type       string      `json:"type"`
	Datasource *datasource `json:"datasource,omitempty"`
	Query      any         `json:"query"` // text or, for Prometheus, a variableQuery
	Definition string      `json:"definition,omitempty"`
	Refresh    int         `json:"refresh"`
	Sort       int         `json:"sort,omitempty"`
	Multi      bool        `json:"multi"`
	Options    []option    `json:"options,omitempty"` // of a custom variable
	IncludeAll bool        `json:"includeAll"`
	AllValue   string      `json:"allValue,omitempty"`
	Current    object      `json:"current"`
}

type option struct {
	Text     string `json:"text"`
	Value    string `json:"value"`
	Selected bool   `json:"selected"`
}

type variableQuery struct {
	Query string `json:"query"`
	RefID string `json:"refId"`
}

// Panel is a panel or, with the type row, the header of a group of panels.
type Panel struct {
	*Row                             // rows only
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description,omitempty"`
	Datasource      *datasource      `json:"datasource,omitempty"`
	GridPos         gridPos          `json:"gridPos"`
	FieldConfig     *fieldConfig     `json:"fieldConfig,omitempty"`
	Options         object           `json:"options,omitempty"`
	Transformations []transformation `json:"transformations,omitempty"`
	Targets         []target         `json:"targets,omitempty"`
}

// Row holds the fields of a row. A collapsed row contains its panels; otherwise they follow it.
type Row struct {
	Collapsed bool    `json:"collapsed"`
	Panels    []Panel `json:"panels"`
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type target struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	EditorMode   string     `json:"editorMode"`
	LegendFormat string     `json:"legendFormat,omitempty"`
	Interval     string     `json:"interval"`
	Format       string     `json:"format,omitempty"`
	Instant      bool       `json:"instant"`
	Range        bool       `json:"range"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []override    `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string      `json:"unit,omitempty"`
	Min        *float64    `json:"min,omitempty"`
	Max        *float64    `json:"max,omitempty"`
	Decimals   *int        `json:"decimals,omitempty"`
	NoValue    string      `json:"noValue,omitempty"`
	Color      object      `json:"color"`
	Thresholds *thresholds `json:"thresholds,omitempty"`
	Mappings   []mapping   `json:"mappings,omitempty"`
	Custom     object      `json:"custom,omitempty"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

// step is the color of values from Value up; the first step has no Value.
type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

type mapping struct {
	Type    string            `json:"type"`
	Options map[string]mapped `json:"options"`
}

type mapped struct {
	Text  string `json:"text"`
	Color string `json:"color"`
	Index int    `json:"index"`
}

type override struct {
	Matcher    object     `json:"matcher"`
	Properties []property `json:"properties"`
}

type property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

type transformation struct {
	ID      string `json:"id"`
	Options object `json:"options"`
}
