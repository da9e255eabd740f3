package trapline

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// upstream is the drawing of the house: the rooms that each room may import. Arrows point to the room
// that feeds it; nobody imports cmd.
var upstream = map[string][]string{
	"config/document":         {"internal/setting"},
	".":                       {},
	"internal/snmp":           {},
	"internal/setting":        {"internal/snmp"},
	"internal/series":         {},
	"internal/agent":          {"internal/snmp"},
	"internal/access":         {"internal/snmp", "internal/setting"},
	"internal/mux":            {"internal/access", "internal/snmp"},
	"internal/conn":           {"internal/access", "internal/mux", "internal/snmp"},
	"internal/gosnmpclient":   {"internal/access", "internal/conn", "internal/mux", "internal/snmp"},
	"internal/client":         {"internal/snmp", "internal/setting", "internal/access", "internal/mux", "internal/conn"},
	"mibs/smi":                {},
	"mibs/hint":               {},
	"mibs":                    {"internal/archive", "internal/snmp", "mibs/smi"},
	"internal/held":           {"internal/snmp"},
	"internal/measure":        {"internal/snmp", "internal/setting", "internal/series", "internal/held"},
	"collector":               {"internal/held", "internal/measure", "internal/snmp", "internal/setting", "internal/series", "internal/client", "mibs", "mibs/hint", "internal/access", "mibs/smi"},
	"internal/profile":        {"internal/measure", "internal/snmp", "internal/setting", "internal/client", "mibs", "collector", "internal/access", "mibs/smi"},
	"internal/reason":         {"internal/human", "internal/access"},
	"internal/history":        {"internal/snmp", "internal/setting", "internal/series"},
	"internal/sharing":        {"internal/snmp", "internal/client", "collector", "internal/access"},
	"internal/clocks":         {"internal/snmp", "internal/client", "collector", "internal/access"},
	"internal/poller":         {"internal/sorted", "internal/clocks", "internal/sharing", "internal/measure", "internal/human", "internal/reason", "internal/history", "internal/snmp", "internal/setting", "internal/series", "internal/client", "collector", "internal/profile", "internal/access"},
	"internal/csvlist":        {"internal/poller", "internal/series", "internal/setting"},
	"internal/filelist":       {},
	"internal/sorted":         {},
	"internal/alarmclock":     {},
	"internal/facts":          {"internal/human", "internal/setting"},
	"internal/facts/asker":    {"internal/facts", "internal/poller"},
	"internal/seek":           {"internal/access", "internal/human", "internal/neighbours", "internal/poller", "internal/scan", "internal/setting", "internal/sweep"},
	"internal/assign":         {"internal/access", "internal/facts", "internal/human", "internal/poller", "internal/seek", "internal/setting", "internal/snmp"},
	"internal/errlog":         {},
	"internal/redact":         {},
	"internal/discovery":      {"internal/redact", "internal/throttle", "internal/errlog", "internal/assign", "internal/facts", "internal/facts/asker", "internal/neighbours", "internal/seek", "internal/csvlist", "internal/filelist", "internal/sorted", "internal/alarmclock", "internal/access", "internal/human", "internal/poller", "internal/setting", "internal/statedir"},
	"internal/modules":        {"internal/measure", "internal/snmp", "internal/setting", "internal/client", "mibs", "collector", "mibs/smi"},
	"internal/alarm":          {},
	"internal/mute":           {"internal/human", "internal/alarm", "internal/setting"},
	"internal/cause":          {"internal/alarm", "internal/mute", "internal/setting"},
	"internal/outage":         {"internal/boottime", "internal/neighbours", "internal/alarm", "internal/cause", "internal/cluster/peer", "internal/mute", "internal/topology"},
	"internal/topology":       {"internal/cause", "internal/mute", "internal/setting"},
	"internal/neighbours":     {"collector", "internal/access", "internal/client", "internal/snmp", "internal/statedir"},
	"internal/journal":        {"internal/alarm", "internal/mute", "internal/setting"},
	"internal/originator":     {"internal/snmp", "internal/access"},
	"internal/ownmib":         {"internal/outbox/standing", "internal/agent", "internal/alarm", "internal/notify", "internal/originator", "internal/outbox", "internal/snmp", "internal/varbind"},
	"internal/trapimport":     {},
	"internal/traps":          {"internal/alarm", "internal/notify", "internal/snmp", "internal/setting", "internal/access", "internal/originator", "internal/varbind", "mibs", "mibs/hint", "mibs/smi"},
	"internal/relay":          {"internal/cluster/peer", "internal/originator", "internal/snmp"},
	"internal/listen":         {"internal/relay", "internal/api", "internal/series", "internal/traps", "internal/alarm", "internal/outbox", "internal/poller", "internal/snmp", "internal/setting", "internal/access", "internal/originator", "internal/varbind", "internal/journal", "mibs"},
	"internal/statedir":       {"internal/originator", "internal/setting", "internal/snmp"},
	"internal/sweep":          {"internal/mux"},
	"internal/scan":           {"internal/access", "internal/client", "internal/setting", "internal/snmp", "internal/statedir", "internal/sweep"},
	"internal/scan/scantest":  {"internal/snmp"},
	"internal/outbox/queue":   {"internal/alarm", "internal/originator"},
	"internal/outbox":         {"internal/outbox/request", "internal/transfer", "internal/outbox/index", "internal/outbox/recalls", "internal/outbox/turn", "internal/outbox/clock", "internal/outbox/standing", "internal/outbox/shards", "internal/ledger", "internal/ledger/bolt", "internal/cause", "internal/outbox/outcomes", "internal/outbox/store", "internal/mute", "internal/outbox/queue", "internal/statedir", "internal/originator", "internal/alarm", "internal/journal", "internal/snmp", "internal/access"},
	"internal/varbind":        {"internal/alarm", "internal/originator", "internal/setting", "internal/snmp", "mibs", "mibs/hint", "mibs/smi"},
	"internal/grouping":       {},
	"internal/boottime":       {},
	"internal/senderclock":    {"internal/originator", "internal/statedir"},
	"internal/notify":         {"internal/senderclock", "internal/mute", "internal/grouping", "internal/human", "internal/varbind", "internal/outbox/queue", "internal/outbox", "internal/statedir", "internal/originator", "internal/alarm", "internal/journal", "internal/snmp", "internal/setting", "mibs", "internal/access", "mibs/smi"},
	"internal/throttle":       {},
	"internal/rules":          {"internal/ledger", "internal/ledger/bolt", "internal/throttle", "internal/rules/expression", "internal/rules/fleet", "internal/rules/known", "internal/rules/quota", "internal/rules/result", "internal/rules/steady", "internal/rules/tables", "internal/rules/takeover", "internal/mute", "internal/varbind", "internal/statedir", "internal/outbox", "internal/alarm", "internal/originator", "internal/rules/samples", "internal/snmp", "internal/setting", "internal/series", "internal/poller", "internal/notify", "mibs", "internal/access"},
	"profiles":                {"internal/archive"},
	"internal/archive":        {},
	"profiles/build":          {"internal/archive", "config", "profiles", "internal/profile"},
	"config":                  {"internal/cluster", "internal/assign", "internal/discovery", "internal/topology", "internal/cause", "internal/mute", "internal/varbind", ".", "profiles", "internal/history", "internal/setting", "internal/snmp", "collector", "internal/modules", "internal/profile", "internal/poller", "internal/journal", "internal/listen", "internal/traps", "internal/notify", "internal/rules", "mibs", "internal/access", "config/document"},
	"internal/api":            {"internal/journal", "internal/reason", "internal/setting"},
	"internal/catalog":        {"internal/human", "internal/api", "internal/modules", "internal/snmp", "internal/setting", "internal/series", "collector", "internal/profile", "internal/poller", "mibs", "mibs/hint", "mibs/smi"},
	"internal/alertmanager":   {"internal/outbox/standing", "internal/ledger", "internal/mute", "internal/outbox"},
	"internal/alerting":       {"internal/outbox/standing", "internal/rules/fleet", "internal/ledger", "internal/traps", "internal/setting", "internal/mute", "internal/outbox/queue", "internal/outbox", "internal/originator", "internal/human", "internal/api", "internal/catalog", "internal/reason", "internal/alarm", "internal/journal", "collector", "internal/poller", "internal/notify", "internal/rules", "internal/access"},
	"internal/fleet":          {"internal/mute", "internal/measure", "internal/human", "internal/api", "internal/catalog", "internal/alerting", "internal/reason", "internal/history", "internal/agent", "internal/snmp", "internal/setting", "internal/series", "internal/client", "collector", "internal/profile", "internal/poller", "internal/notify", "mibs"},
	"internal/explain":        {"internal/human", "internal/api", "internal/catalog", "internal/fleet", "internal/reason", "internal/modules", "internal/snmp", "internal/setting", "internal/series", "collector", "internal/profile", "internal/poller", "mibs", "internal/access", "mibs/smi"},
	"internal/httpapi":        {"internal/outbox", "internal/human", "internal/api", "internal/catalog", "internal/alerting", "internal/fleet", "internal/explain", "internal/httpserver", "internal/journal", "internal/poller", "internal/notify", "internal/rules", "mibs"},
	"internal/doctest":        {},
	"internal/corpus":         {},
	"internal/peers":          {"internal/corpus"},
	"dashboards":              {},
	"dashboards/build":        {"dashboards"},
	"mibs/build":              {"mibs", "mibs/smi", "internal/snmp"},
	"internal/draft":          {"internal/human", "internal/snmp", "internal/agent", "internal/measure", "mibs", "mibs/smi"},
	"internal/human":          {},
	"internal/netsnmp":        {"internal/snmp", "mibs", "mibs/hint"},
	"internal/runtimeconfig":  {"internal/facts", "internal/facts/asker", "internal/snmp", "internal/discovery", "internal/statedir", ".", "internal/access", "internal/measure", "collector", "internal/profile", "internal/poller", "internal/notify", "internal/rules", "config", "internal/human", "config/document"},
	"internal/union":          {"internal/outbox/standing", "internal/catalog", "internal/alarm", "internal/outbox", "internal/alerting", "internal/httpapi", "internal/api", "internal/cluster/peer", "internal/fleet", "internal/httpserver", "internal/human", "internal/poller"},
	"internal/member":         {"internal/client", "internal/transfer", "internal/human", "internal/quorum", "internal/rules/fleet", "internal/ledger", "internal/outbox/shards", "internal/api", "internal/cluster", "internal/cluster/certificate", "internal/cluster/desk", "internal/cluster/peer", "internal/cluster/plan", "internal/poller", "internal/runtimeconfig"},
	"internal/instances":      {"internal/api", "internal/fleet", "internal/httpapi", "internal/httpserver", "internal/poller"},
	"internal/app":            {"internal/outage", "internal/throttle", "internal/relay", "internal/ledger/bolt", "internal/outbox/store", "internal/outbox/standing", "internal/instances", "internal/rules/result", "internal/ledger", "internal/ownalarm", "internal/outbox/shards", "internal/quorum", "internal/zones", "internal/union", "internal/boottime", "internal/member", "internal/fleet", "internal/discovery", "internal/ownmib", "internal/neighbours", "internal/topology", "internal/cause", "internal/mute", "internal/alarm", "internal/alertmanager", "internal/listen", "internal/traps", "internal/originator", "internal/outbox/queue", "internal/outbox", "internal/statedir", "internal/snmp", "internal/setting", "internal/series", "internal/access", "internal/client", "mibs", "collector", "internal/profile", "internal/history", "internal/poller", "internal/journal", "internal/notify", "internal/rules", "config", "internal/api", "internal/catalog", "internal/httpapi", "internal/human", "internal/netsnmp", "internal/runtimeconfig", "internal/httpserver", "internal/web", "config/document"},
	"internal/survey":         {"internal/snmp", "internal/setting", "internal/access", "internal/client"},
	"internal/cli":            {"internal/varbind", "internal/snmp", "internal/setting", "internal/access", "internal/client", "mibs", "collector", "internal/poller", "internal/notify", "config", "internal/api", "internal/human", "internal/netsnmp", "internal/runtimeconfig"},
	"cmd/trapline/serve":      {".", "internal/snmp", "internal/agent", "internal/originator", "internal/api", "internal/httpapi", "internal/human", "internal/runtimeconfig", "internal/app", "internal/cli"},
	"cmd/trapline/views":      {"internal/rules/expression", "internal/boottime", "internal/mute", "internal/setting", "internal/client", "internal/history", "internal/poller", "internal/rules", "internal/api", "internal/alerting", "internal/fleet", "internal/human", "internal/runtimeconfig", "internal/cli"},
	"cmd/trapline/tools":      {"internal/cluster", "internal/measure", "internal/draft", "internal/replay", "internal/anonymize", "internal/varbind", "internal/outbox", "internal/alarm", "internal/statedir", "internal/snmp", "internal/setting", "internal/series", "internal/agent", "internal/access", "internal/client", "mibs/smi", "mibs", "collector", "internal/profile", "internal/poller", "internal/modules", "internal/originator", "internal/notify", "config", "internal/api", "internal/human", "internal/runtimeconfig", "internal/survey", "internal/cli"},
	"cmd/trapline/setup":      {"internal/api", "internal/neighbours", "internal/discovery", "internal/seek", "internal/scan", "internal/sweep", "internal/csvlist", "internal/trapimport", "internal/snmp", "internal/setting", "internal/series", "internal/access", "internal/client", "internal/poller", "config", "internal/human", "internal/runtimeconfig", "internal/survey", "internal/cli"},
	"cmd/trapline/rules":      {"internal/varbind", "internal/snmp", "mibs", "internal/poller", "internal/notify", "internal/rules", "internal/api", "internal/human", "internal/runtimeconfig", "internal/cli", "internal/replay", "internal/rules/unittest", "internal/rules/rulefile"},
	"cmd/trapline/mib":        {"internal/snmp", "mibs", "internal/modules", "internal/notify", "internal/human", "internal/cli"},
	"cmd/trapline":            {"internal/cli", "cmd/trapline/serve", "cmd/trapline/views", "cmd/trapline/tools", "cmd/trapline/setup", "cmd/trapline/rules", "cmd/trapline/mib", "internal/gosnmpclient"},
	"internal/programtest":    {"internal/agent", "config", "internal/doctest", "internal/peers"},
	"internal/httpserver":     {},
	"internal/web":            {"internal/human", "internal/reason", "internal/httpserver", "internal/api"},
	"internal/peers/browser":  {"internal/peers"},
	"internal/anonymize":      {"internal/snmp", "internal/agent", "mibs", "mibs/smi"},
	"internal/replay":         {"internal/profile", "internal/series", "internal/varbind", "internal/snmp", "internal/client", "internal/agent", "collector", "internal/poller", "internal/notify", "internal/rules", "internal/access"},
	"internal/rules/samples":  {},
	"internal/rules/lawtest":  {},
	"internal/rules/oracle":   {"internal/rules/lawtest"}, // a module of its own
	"internal/rules/unittest": {"internal/varbind", "internal/alarm", "internal/snmp", "internal/setting", "internal/series", "internal/poller", "internal/notify", "internal/rules", "mibs", "internal/access", "mibs/smi"},

	"internal/ownalarm":                  {"internal/alarm", "internal/outbox"},
	"internal/transfer":                  {"internal/alarm", "internal/ledger", "internal/mute", "internal/outbox/queue", "internal/outbox/shards", "internal/outbox/store", "internal/rules/known"},
	"internal/zones":                     {"internal/alarm", "internal/human", "internal/outbox", "internal/ownalarm"},
	"internal/quorum":                    {"internal/alarm", "internal/mute", "internal/outbox", "internal/outbox/queue", "internal/outbox/shards", "internal/outbox/standing", "internal/ownalarm", "internal/statedir"},
	"internal/cluster/engine/enginetest": {},
	"internal/cluster":                   {"internal/cluster/settings", "internal/cluster/desk", "internal/cluster/snapshot", "internal/boottime", "internal/cluster/certificate", "internal/cluster/contact", "internal/cluster/engine", "internal/cluster/fence", "internal/cluster/pace", "internal/cluster/plan", "internal/cluster/space", "internal/cluster/watch", "internal/ledger", "internal/setting", "internal/statedir", "internal/throttle"},
	"internal/cluster/pace":              {},
	"internal/cluster/watch":             {"internal/ledger"},
	"internal/cluster/space":             {},
	"internal/cluster/desk":              {"internal/ledger"},
	"internal/cluster/settings":          {"internal/cluster/certificate", "internal/setting"},
	"internal/cluster/snapshot":          {},
	"internal/cluster/engine":            {"internal/statedir", "internal/throttle"},
	"internal/cluster/peer":              {},
	"internal/cluster/certificate":       {},
	"internal/cluster/contact":           {"internal/cluster/engine"},
	"internal/cluster/fence":             {"internal/ledger"},
	"internal/cluster/plan":              {},
	"internal/rules/expression":          {},
	"internal/rules/fleet":               {"internal/alarm", "internal/rules/expression", "internal/rules/tables"},
	"internal/rules/known":               {},
	"internal/rules/tables":              {"internal/alarm", "internal/series", "internal/snmp"},
	"internal/rules/steady":              {"internal/originator"},
	"internal/rules/takeover":            {},
	"internal/rules/quota":               {},
	"internal/rules/result":              {},
	"internal/rules/rulefile":            {"internal/rules"},
	"internal/originator/receivertest":   {"internal/access", "internal/peers", "internal/setting", "internal/snmp"},
	"internal/outbox/clock":              {},
	"internal/outbox/turn":               {},
	"internal/outbox/request":            {"internal/alarm", "internal/journal"},
	"internal/outbox/index":              {"internal/alarm", "internal/cause", "internal/mute", "internal/outbox/downs", "internal/outbox/shards"},
	"internal/outbox/recalls":            {"internal/alarm", "internal/journal", "internal/outbox/outcomes", "internal/outbox/queue"},
	"internal/outbox/standing":           {"internal/outbox/store", "internal/access", "internal/alarm", "internal/cause", "internal/mute", "internal/originator", "internal/outbox/clock", "internal/outbox/queue"},
	"internal/outbox/downs":              {"internal/alarm", "internal/mute"},
	"internal/outbox/outcomes":           {"internal/outbox/queue", "internal/alarm", "internal/journal", "internal/access", "internal/originator"},
	"internal/ledger":                    {},
	"internal/ledger/bolt":               {"internal/ledger", "internal/statedir"},
	"internal/ledger/ledgertest":         {"internal/ledger"},
	"internal/outbox/shards":             {"internal/ledger", "internal/alarm", "internal/cluster/plan"},
	"internal/outbox/store":              {"internal/outbox/shards", "internal/ledger", "internal/alarm", "internal/journal", "internal/mute", "internal/outbox/queue", "internal/statedir"},
	"internal/outbox/outboxtest":         {"internal/outbox/queue", "internal/originator", "internal/alarm", "internal/access"},
}

// only says which rooms alone may import a library.
var only = map[string][]string{
	"gopkg.in/yaml.v3":                 {"config", "config/document"},
	"go.yaml.in/yaml/v3":               {"internal/rules", "internal/rules/rulefile", "internal/rules/unittest"}, // which Prometheus reads rule files with
	"github.com/gosnmp/gosnmp":         {"internal/gosnmpclient"},
	"github.com/alecthomas/kingpin/v2": {"internal/cli", "cmd/trapline", "cmd/trapline/serve", "cmd/trapline/views", "cmd/trapline/tools", "cmd/trapline/setup", "cmd/trapline/rules", "cmd/trapline/mib"},
	"go.etcd.io/etcd/client/v3":        {"internal/cluster", "internal/cluster/desk", "internal/cluster/engine", "internal/cluster/watch"},
	"go.etcd.io/etcd/server/v3/embed":  {"internal/cluster/engine"},
	"go.etcd.io/bbolt":                 {"internal/statedir", "internal/ledger/bolt", "internal/outbox/store", "internal/neighbours", "internal/cluster/engine"},

	// These import the SDKs of three clouds, the Kubernetes client and gRPC: see docs/decisions/2-prometheus-rules.md.
	"github.com/prometheus/prometheus/rules":             {"internal/rules/oracle"},
	"github.com/prometheus/prometheus/tsdb":              {},
	"github.com/prometheus/prometheus/notifier":          {},
	"github.com/prometheus/prometheus/promql/promqltest": {},
}

func TestImportsFollowTheDrawing(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		room := filepath.ToSlash(filepath.Dir(file))
		allowed, known := upstream[room]
		if !known {
			t.Errorf("%s: the room %s is not in the drawing", file, room)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if rooms, ok := only[name]; ok && !slices.Contains(rooms, room) {
				t.Errorf("%s imports %s, which is for %v", file, name, rooms)
			}
			if strings.HasPrefix(name, "github.com/prometheus/prometheus/") && !strings.HasPrefix(room, "internal/rules") && room != "internal/discovery" && room != "internal/seek" {
				t.Errorf("%s imports %s, which is for internal/rules, internal/discovery and internal/seek", file, name)
			}
			if own, ok := strings.CutPrefix(name+"/", "trapline/"); ok && !slices.Contains(allowed, path.Clean(own)) {
				t.Errorf("%s imports %s, which does not lie upstream of it", file, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A room that was given up leaves the drawing too.
func TestEveryRoomOfTheDrawingExists(t *testing.T) {
	for room := range upstream {
		files, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("the drawing has a room %s, the house has not", room)
		}
	}
}
