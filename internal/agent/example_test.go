package agent_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"trapline/internal/agent"
)

func ExampleListen() {
	rec, err := agent.ReadRecording(strings.NewReader("1.3.6.1.2.1.1.5.0|4|lab\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := agent.Listen(
		rec.Serve(netip.MustParseAddrPort("127.0.0.1:0")), // a free port
		agent.Device{
			Address:     netip.MustParseAddrPort("127.0.0.2:0"),
			Communities: map[string]*agent.Recording{"public": agent.UPS(1)},
			Faults:      agent.Faults{Loss: 0.1},
		},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // returns at once, without outstanding requests
	fmt.Println(server.Addr(1).Addr(), server.Run(ctx))
	// Output: 127.0.0.2 <nil>
}
