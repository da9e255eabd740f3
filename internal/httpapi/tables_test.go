package httpapi

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline"
	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// recorded is a session to a device of internal/agent, without a network.
type recorded struct {
	device *agent.Recording
	since  time.Time
}

func (s recorded) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for i := range s.device.Len() {
		v := s.device.Object(i, time.Since(s.since))
		if slices.ContainsFunc(slices.Concat(p.Walk, p.Get), func(o snmp.OID) bool { return v.Name.HasPrefix(o) }) {
			yield(v)
		}
	}
	return client.Stats{Packets: 48}, nil
}

// shipped compiles modules of the shipped configuration.
func shipped(t testing.TB, names ...string) (modules []*collector.Module) {
	t.Helper()
	file := t.TempDir() + "/snmp.yml"
	if err := os.WriteFile(file, trapline.DefaultConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		modules = append(modules, collector.Compile(name, c.Compiled[name]))
	}
	return modules
}

func cells(t *testing.T, table *api.Table, titles ...string) [][]string {
	t.Helper()
	var rows [][]string
	for _, r := range table.Rows {
		if len(r.Cells) != len(table.Columns) || len(r.Values) != len(table.Columns) {
			t.Fatalf("%d cells, %d values, %d columns", len(r.Cells), len(r.Values), len(table.Columns))
		}
		var row []string
		for _, title := range titles {
			i := slices.IndexFunc(table.Columns, func(c api.TableColumn) bool { return c.Title == title })
			if i < 0 {
				t.Fatalf("no column %q: %v", title, table.Columns)
			}
			row = append(row, r.Cells[i])
		}
		rows = append(rows, row)
	}
	return rows
}

func TestTablesOfASwitch(t *testing.T) {
	modules := shipped(t, "system", "if_mib", "entity_sensor", "hrDevice")
	for _, indexes := range []bool{true, false} {
		one := target("sw-1", "berlin")
		one.Modules = modules
		playWith(t, []*poller.Target{one}, indexes, func(r *rig) {
			r.mu.Lock()
			r.device = recorded{agent.Builtin["switch"](1), time.Now()}
			r.mu.Unlock()
			time.Sleep(5 * time.Minute)
			d, err := r.api.Fleet.Target("sw-1")
			if err != nil || d.Tables[0] != (api.TableName{Name: "interfaces", Title: "Interfaces", Rows: 56, ReadAt: d.Tables[0].ReadAt}) || d.Tables[0].ReadAt.IsZero() || d.Tables[len(d.Tables)-1].Name != "scalars" {
				t.Fatalf("%v, %+v", err, d.Tables)
			}
			table, err := r.api.Own.Fleet.Table("sw-1", "interfaces")
			if err != nil {
				t.Fatal(err)
			}
			rows := cells(t, &table, "State", "Interface", "Alias", "Speed")
			if got := rows[0]; !slices.Equal(got[:2], []string{"up", "Gi1/0/1"}) || got[2] == "" || got[3] != "1 Gbit/s" || len(rows) != 56 || table.Total != 56 {
				t.Errorf("%d rows, %v", len(rows), got)
			}
			first := table.Rows[0]
			in, history := first.Values[4], first.History["in"]
			if in == nil || *in <= 0 || len(history) < 3 || math.Abs(history[len(history)-1]-*in) > 0.1**in || first.Values[6] == nil || math.Abs(*first.Values[6]-100*max(*in, *first.Values[5])/1e9) > 1e-6 {
				t.Errorf("in %v, history %v, use %v", in, history, first.Values[6])
			}
			sensors, err := r.api.Own.Fleet.Table("sw-1", "entPhySensorTable")
			if err != nil || len(sensors.Rows) == 0 || len(sensors.Rows[0].History["entPhySensorValue"]) == 0 {
				t.Fatalf("%v: %+v", err, sensors)
			}
			if indexes && len(sensors.Rows) != 5 {
				t.Errorf("%d sensors: rows with other labels of one index are one", len(sensors.Rows))
			}
			scalars, err := r.api.Fleet.TableOf(api.TableQuery{Target: "sw-1", Table: "scalars"})
			if err != nil || !slices.ContainsFunc(cells(t, &scalars, "Object", "Value"), func(r []string) bool { return r[0] == "sysName" && r[1] == "sw-001" }) {
				t.Errorf("%v: %+v", err, scalars)
			}
			if some, err := r.api.Fleet.TableOf(api.TableQuery{Target: "sw-1", Table: "interfaces", Limit: 3, Offset: 2}); err != nil || len(some.Rows) != 3 || some.Rows[0].Cells[1] != "Gi1/0/3" || some.Rows[0].History != nil || some.Total != 56 {
				t.Errorf("%v: %+v", err, some.Rows)
			}
			_, err = r.api.Own.Fleet.Table("sw-1", "interface")
			var hinted *api.Hinted
			if !errors.Is(err, api.ErrNotFound) || !errors.As(err, &hinted) || hinted.Hint != "did you mean interfaces?" {
				t.Errorf("%v", err)
			}
		})
	}
}

func get(r *rig, path string, header ...string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	r.api.Register(mux)
	request := httptest.NewRequest(http.MethodGet, path, nil)
	if len(header) > 0 {
		request.Header.Set("If-None-Match", header[0])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, request)
	return w
}

// An answer is sent again only after a poll, and differs between queries.
func TestAnswersHaveATag(t *testing.T) {
	play(t, sites(4, "berlin"), func(r *rig) {
		time.Sleep(3*time.Minute + time.Second)
		for _, path := range []string{"/api/v1/targets?q=sw&limit=2", "/api/v1/targets/sw-01", "/api/v1/targets/sw-01/tables/scalars", "/api/v1/targets?format=csv"} {
			first := get(r, path)
			tag := first.Header().Get("ETag")
			if first.Code != http.StatusOK || tag == "" {
				t.Fatalf("%s: %d, tag %q: %s", path, first.Code, tag, first.Body)
			}
			if again := get(r, path, `"other", W/`+tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s: %d with the tag", path, again.Code)
			}
			if other := get(r, "/api/v1/targets?q=other", tag); other.Code != http.StatusOK {
				t.Errorf("%s: its tag is that of another query", path)
			}
			time.Sleep(time.Minute)
			if later := get(r, path, tag); later.Code != http.StatusOK || later.Header().Get("ETag") == tag {
				t.Errorf("%s: %d after a poll", path, later.Code)
			}
		}
	})
}

func TestListsAreCSVToo(t *testing.T) {
	play(t, sites(3, "berlin"), func(r *rig) {
		r.set("sw-01", silentDevice())
		time.Sleep(2 * time.Minute)
		w := get(r, "/api/v1/targets?format=csv")
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || len(rows) != 4 || rows[0][0] != "name" || rows[1][0] != "sw-01" || !slices.Contains(rows[1], "site=berlin") || !slices.Contains(rows[1], "timeout") {
			t.Errorf("%v: %v", err, rows)
		}
		if w := get(r, "/api/v1/targets?format=xml"); w.Code != http.StatusBadRequest {
			t.Errorf("%d", w.Code)
		}
		for _, path := range []string{"/api/v1/targets?limit=-1", "/api/v1/targets?offset=x", "/api/v1/targets?sort=x"} {
			var e envelope
			w := get(r, path)
			if json.Unmarshal(w.Body.Bytes(), &e) != nil || w.Code != http.StatusBadRequest || e.Hint == "" || e.ErrorType != "bad_data" {
				t.Errorf("%s: %d %+v", path, w.Code, e)
			}
		}
	})
	for cell, want := range map[string]string{"=HYPERLINK(1)": "'=HYPERLINK(1)", "-1.5": "-1.5", "-x": "'-x", "+49": "'+49", "Gi1/0/1": "Gi1/0/1", "@a": "'@a", "": "", "-": "-", "-2+3+cmd|' /C calc'!A0": "'-2+3+cmd|' /C calc'!A0", "\n=1": "'\n=1", "＝1": "'＝1", "-1e3": "-1e3"} {
		if got := api.Inert(cell); got != want {
			t.Errorf("%q: %q", cell, got)
		}
	}
}

// Of a target that is down, the tables are those of its last answer.
func TestTablesOutliveTheDevice(t *testing.T) {
	play(t, sites(1, "berlin"), func(r *rig) {
		if _, err := r.api.Own.Fleet.Table("sw-00", "scalars"); !errors.Is(err, api.ErrUnavailable) && !strings.Contains(err.Error(), "has not answered") {
			t.Error(err)
		}
		time.Sleep(90 * time.Second)
		r.set("sw-00", silentDevice())
		time.Sleep(3 * time.Minute)
		table, err := r.api.Own.Fleet.Table("sw-00", "scalars")
		if d, _ := r.api.Fleet.Target("sw-00"); err != nil || d.State != api.Down || !table.AsOf.Equal(d.Answered) || len(table.Rows) != 1 || table.Rows[0].Cells[1] != "7" {
			t.Errorf("%v: %+v", err, table)
		}
	})
}
