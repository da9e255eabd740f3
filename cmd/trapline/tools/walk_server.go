package tools

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
	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/snmp"
)

// walkRequest is a request to walk a subtree.
type walkRequest struct {
	What   string `json:"what"`
	Limit  int    `json:"limit,omitempty"`
	Format string `json:"format,omitempty"`
}

// walkAt has the server walk subtrees of the target that it knows.
func walkAt(ctx context.Context, k *cli.Known, w io.Writer, f *walkFlags) error {
	if *f.module != "" {
		return cli.Usagef("%s is a target of %s, which polls it by its modules: see trapline poll %s", k.Target.Name, k.At.Base.Redacted(), k.Target.Name)
	}
	if *f.toEnd || *f.limits.requests > 0 || *f.limits.unordered {
		return cli.Usagef("%s is walked by %s, without --to-end, --max-requests and --allow-nonincreasing: write %s to walk it from here", k.Target.Name, k.At.Base.Redacted(), k.Target.Address)
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
		n, err := rowsAt(ctx, k, request, func(line []byte) error { return f.printRow(out, line) })
		if err != nil {
			return err
		}
		if rows += n; n > 0 && n == *f.limits.rows {
			fmt.Fprintf(os.Stderr, "%s: the walk of %s ends after %s\n", k.Target.Name, cmp.Or(name, "1.3.6.1.2.1"), human.Counted(n, "row"))
		} else if n >= api.MaxWalk {
			return fmt.Errorf("%s walks at most %s: walk a smaller subtree, or walk %s from here", k.At.Base.Redacted(), human.Counted(api.MaxWalk, "row"), k.Target.Address)
		}
	}
	if rows == 0 {
		fmt.Fprintf(os.Stderr, "%s has no objects below %s, or does not show them\n", k.Target.Name, cmp.Or(strings.Join(names, ", "), "1.3.6.1.2.1"))
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
	_, err := fmt.Fprintln(out, rowLine(f.naming, &row))
	return err
}

// shortTypes are types as Net-SNMP's commands print them.
var shortTypes = map[string]string{"OCTET STRING": "STRING", "OBJECT IDENTIFIER": "OID", "TimeTicks": "Timeticks"}

// rowLine is a row in the form that Net-SNMP's commands print.
func rowLine(f cli.NameFlags, row *api.WalkRow) string {
	name := row.Name
	if *f.Output == "n" || name == row.OID {
		name = "." + row.OID
	}
	return human.Visible(fmt.Sprintf("%s = %s: %s", name, cmp.Or(shortTypes[row.Type], row.Type), row.Value))
}

// rowsAt asks the server for a walk, and counts the rows. The last line reports whether that is all.
func rowsAt(ctx context.Context, k *cli.Known, request *walkRequest, row func([]byte) error) (n int, err error) {
	bar := cli.NewProgressBeside("objects", -1)
	defer bar.End()
	err = k.At.Stream(ctx, cli.Call{Method: http.MethodPost, Path: cli.TargetPath(k.Target.Name) + "/walk", Body: request}, func(line []byte) error {
		var end api.Answer
		if json.Unmarshal(line, &end) == nil && end.Status != "" {
			if end.Status != "success" {
				return cli.ErrorOf(&end)
			}
			return nil
		}
		n++
		bar.Add(1)
		return row(line)
	})
	return n, err
}

// getAt has the server ask for instances of the target that it knows.
func getAt(ctx context.Context, k *cli.Known, out io.Writer, oids []snmp.OID, naming cli.NameFlags) error {
	missing := false
	for _, oid := range oids {
		n, err := rowsAt(ctx, k, &walkRequest{What: oid.String(), Limit: 1}, func(line []byte) error {
			var row api.WalkRow
			if err := json.Unmarshal(line, &row); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, rowLine(naming, &row))
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			missing = true
			fmt.Fprintf(os.Stderr, "%s has no %s\n", k.Target.Name, oid)
		}
	}
	return cli.Failed(missing)
}

// profileAt prints the modules that the server chose for the target.
func profileAt(ctx context.Context, k *cli.Known, out io.Writer) error {
	var t api.Target
	if _, err := k.At.Target(ctx, k.Target.Name, &t); err != nil {
		return err
	}
	profile := t.Profile
	if profile == "" {
		profile = "no profile: its modules are named in the configuration"
	}
	_, err := fmt.Fprintf(out, "%s\nmodules: %s\n", human.Visible(profile), strings.Join(t.Modules, ", "))
	return err
}
