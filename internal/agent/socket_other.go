//go:build !linux

package agent

import (
	"errors"
	"net/netip"
)

const canDemultiplex = false

func openShared(netip.Addr, uint16, bool) (*socket, error) { return nil, errors.ErrUnsupported }

func destination([]byte) (netip.Addr, bool) { return netip.Addr{}, false }
