package tools

import (
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/internal/varbind"
	"trapline/mibs"
)

// An empty line stands for the value that is offered, and the end of the input for those that are left.
func TestAskerOffersValues(t *testing.T) {
	const tail, head = "ifOperStatus.5, INTEGER: up(1), down(2), testing(3), unknown(4), dormant(5), notPresent(6), lowerLayerDown(7) [up]: ", "ifAdminStatus.5, INTEGER: up(1), down(2), testing(3) [up]: "
	var out strings.Builder
	ask := askerOf(t.Context(), strings.NewReader("\ntesting\n"), &out)
	tree, err := cli.AllMIBs(nil)
	if err != nil {
		t.Fatal(err)
	}
	names := varbind.Names(func() (*mibs.Tree, error) { return tree, nil })
	_, node, err := names.Notification("linkDown")
	if err != nil {
		t.Fatal(err)
	}
	list, err := names.RowObjects(node, "5", nil, ask)
	if err != nil || len(list) != 3 || list[1].Value[0] != 1 || list[2].Value[0] != 3 || out.String() != head+tail {
		t.Errorf("%v, %v, asked %q", list, err, out.String())
	}
}
