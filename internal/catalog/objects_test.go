package catalog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/mibs"
)

func TestQueriesOfMIBsHaveSoManyWords(t *testing.T) {
	a := New(nil, func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }, nil)
	if _, err := a.Objects(api.ObjectQuery{Text: strings.Repeat("e ", api.MaxTerms)}); err != nil {
		t.Error(err)
	}
	if _, err := a.Objects(api.ObjectQuery{Text: strings.Repeat("e ", api.MaxTerms+1)}); !errors.Is(err, api.ErrBadRequest) {
		t.Error(err)
	}
}

// A name that no MIB defines is answered with a remedy for a server, which has no flags that a reader could write.
func TestUndefinedNamesHaveTheRemedyOfAServer(t *testing.T) {
	c := New(nil, func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }, nil)
	_, object := c.Object("frobnicate")
	_, mib := c.Object("FROBNICATE::x")
	_, walk := c.Subtrees("frobnicate")
	for _, err := range []error{object, mib, walk} {
		var hinted *api.Hinted
		if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint, "mibs: {dirs: ") || strings.Contains(err.Error()+hinted.Hint, "-M") {
			t.Errorf("%v, %+v", err, hinted)
		}
	}
	if _, err := c.Object("ifTabel"); err == nil || !strings.HasSuffix(err.Error(), "did you mean ifTable?") {
		t.Error(err)
	}
}

// A MIB is listed with the OID and the date of its MODULE-IDENTITY, and both lead to the same object.
func TestMIBsAreListedByTheirIdentity(t *testing.T) {
	a := New(nil, func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }, nil)
	list, err := a.Objects(api.ObjectQuery{Limit: maxObjects})
	if err != nil || len(list.Objects) < 100 {
		t.Fatalf("%d MIBs: %v", len(list.Objects), err)
	}
	for _, m := range list.Objects {
		if m.Kind == "module" { // of SMIv1, or one of macros alone
			if m.OID != "" || m.LastUpdated != "" {
				t.Errorf("%+v", m)
			}
			continue
		}
		if _, err := time.Parse(time.DateOnly, m.LastUpdated); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if o, err := a.Object(m.OID); err != nil || o.OID != m.OID || m.Kind != "module identity" {
			t.Errorf("%+v: %+v %v", m, o, err)
		}
		if o, err := a.Object(m.Name); err != nil || o.OID != m.OID || o.LastUpdated != m.LastUpdated || o.Kind != m.Kind {
			t.Errorf("%+v: %+v %v", m, o, err)
		}
	}
}
