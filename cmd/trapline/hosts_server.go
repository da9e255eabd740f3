package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/snmp"
)

// walkRequest is what the server is to walk.
type walkRequest struct {
	What   string `json:"what"`
	Limit  int    `json:"limit,omitempty"`
	Format string `json:"format,omitempty"`
}

// walk has the server walk subtrees of the target that it knows.
func (k *known) walk(ctx context.Context, w io.Writer, f *walkFlags) error {
	if *f.module != "" {
		return usagef("%s is a target of %s, which polls it by its modules: see trapline poll %s", k.target.Name, k.at.base.Redacted(), k.target.Name)
	}
	if *f.toEnd || *f.limits.requests > 0 || *f.limits.unordered {
		return usagef("%s is walked by %s, without --to-end, --max-requests and --allow-nonincreasing: write %s to walk it from here", k.target.Name, k.at.base.Redacted(), k.target.Address)
	}
	names := *f.names
	if len(names) == 0 {
		names = []string{""}
	}
	out := bufio.NewWriter(w)
	defer out.Flush()
	rows := 0
	for _, name := range names {
		request := &walkRequest{What: name, Limit: *f.limits.rows}
		if *f.record {
			request.Format = "snmprec"
		}
		n, err := k.rows(ctx, request, func(line []byte) error { return f.printRow(out, line) })
		if err != nil {
			return err
		}
		if rows += n; n > 0 && n == *f.limits.rows {
			fmt.Fprintf(os.Stderr, "%s: the walk of %s ends after %s\n", k.target.Name, cmp.Or(name, "1.3.6.1.2.1"), human.Counted(n, "row"))
		} else if n >= api.MaxWalk {
			return fmt.Errorf("%s walks at most %s: walk a smaller subtree, or walk %s from here", k.at.base.Redacted(), human.Counted(api.MaxWalk, "row"), k.target.Address)
		}
	}
	if rows == 0 {
		fmt.Fprintf(os.Stderr, "%s has no objects below %s, or does not show them\n", k.target.Name, cmp.Or(strings.Join(names, ", "), "1.3.6.1.2.1"))
	}
	return nil
}

// printRow prints a row of a server's walk.
func (f *walkFlags) printRow(out io.Writer, line []byte) error {
	if *f.record {
		_, err := fmt.Fprintln(out, human.Visible(string(line)))
		return err
	}
	var row api.WalkRow
	if err := json.Unmarshal(line, &row); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, f.naming.rowLine(&row))
	return err
}

// shortTypes are types as Net-SNMP's commands print them.
var shortTypes = map[string]string{"OCTET STRING": "STRING", "OBJECT IDENTIFIER": "OID", "TimeTicks": "Timeticks"}

// rowLine is a row in the form that Net-SNMP's commands print.
func (f nameFlags) rowLine(row *api.WalkRow) string {
	name := row.Name
	if *f.output == "n" || name == row.OID {
		name = "." + row.OID
	}
	return human.Visible(fmt.Sprintf("%s = %s: %s", name, cmp.Or(shortTypes[row.Type], row.Type), row.Value))
}

// rows asks the server for a walk, and counts what comes. The last line says whether that is all.
func (k *known) rows(ctx context.Context, request *walkRequest, row func([]byte) error) (n int, err error) {
	bar := newProgressBeside("objects", -1)
	defer bar.end()
	err = k.at.stream(ctx, http.MethodPost, targetPath(k.target.Name)+"/walk", nil, request, func(line []byte) error {
		var end answer
		if json.Unmarshal(line, &end) == nil && end.Status != "" {
			if end.Status != "success" {
				return errorOf(&end)
			}
			return nil
		}
		n++
		bar.add(1)
		return row(line)
	})
	return n, err
}

// get has the server ask for instances of the target that it knows.
func (k *known) get(ctx context.Context, out io.Writer, oids []snmp.OID, naming nameFlags) error {
	missing := false
	for _, oid := range oids {
		n, err := k.rows(ctx, &walkRequest{What: oid.String(), Limit: 1}, func(line []byte) error {
			var row api.WalkRow
			if err := json.Unmarshal(line, &row); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, naming.rowLine(&row))
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			missing = true
			fmt.Fprintf(os.Stderr, "%s has no %s\n", k.target.Name, oid)
		}
	}
	return failed(missing)
}

// profile prints what the server chose for the target that it knows.
func (k *known) profile(ctx context.Context, out io.Writer) error {
	var t api.Target
	if _, err := k.at.target(ctx, k.target.Name, &t); err != nil {
		return err
	}
	profile := t.Profile
	if profile == "" {
		profile = "no profile: its modules are named in the configuration"
	}
	_, err := fmt.Fprintf(out, "%s\nmodules: %s\n", human.Visible(profile), strings.Join(t.Modules, ", "))
	return err
}
