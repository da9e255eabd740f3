package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/scan"
	"trapline/internal/survey"
	"trapline/internal/sweep"
)

// maxServed bounds the octets of the list of a server.
const maxServed = 256 << 20

// ask writes the devices that the server has found, those in the networks if there are any.
func (f *scanFlags) ask(ctx context.Context) error {
	networks, err := sweep.ParseNetworks(*f.networks)
	if err != nil {
		return cli.Usage(err)
	}
	r, err := f.server.Open()
	if err != nil {
		return err
	}
	names, err := searching(ctx, r)
	if err != nil {
		return err
	}
	instances, err := found(ctx, r, names)
	if err != nil {
		return err
	}
	var devices []scan.Device
	var list []survey.Candidate
	for _, labels := range instances {
		d, ok := deviceOf(labels)
		if !ok || len(networks) > 0 && !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(d.Address) }) {
			continue
		}
		if candidateOf(list, d.Auth) == nil {
			list = append(list, survey.Candidate{Name: d.Auth, Known: true})
		}
		devices = append(devices, d)
	}
	return f.write(devices, nil, list, "by "+strings.Join(names, ", "))
}

// searching returns the lists of a server that look for devices.
func searching(ctx context.Context, r *cli.Remote) (names []string, err error) {
	var all []api.List
	if _, err := r.Get(ctx, "/api/v1/discovery", nil, &all); err != nil {
		return nil, err
	}
	for i := range all {
		if slices.ContainsFunc(all[i].Sources, func(s api.ListSource) bool { return s.Name == "scan" || s.Name == "neighbours" }) {
			names = append(names, all[i].Name)
		}
	}
	if len(names) == 0 {
		return nil, cli.Usagef("the server at %s looks for no devices: no entry of its discovery has scan or neighbours", r.Base.Redacted())
	}
	return names, nil
}

// found returns the labels of the targets of lists, as service discovery has them.
func found(ctx context.Context, r *cli.Remote, lists []string) (all []map[string]string, err error) {
	response, err := r.Send(ctx, cli.Call{Path: "/sd", Query: url.Values{"discovery": lists}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s/sd: %s", r.Base.Redacted(), response.Status)
	}
	var list []struct {
		Labels map[string]string `json:"labels"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, response.Body, maxServed)).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s/sd: %w", r.Base.Redacted(), err)
	}
	for _, one := range list {
		all = append(all, one.Labels)
	}
	return all, nil
}

// deviceOf returns the device that a target is.
func deviceOf(labels map[string]string) (d scan.Device, ok bool) {
	const meta = "__meta_trapline_"
	text := labels[meta+"address"]
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return d, false
		}
		at = netip.AddrPortFrom(a, 161)
	}
	d = scan.Device{Name: labels["instance"], Address: at.Addr(), Port: at.Port(), Addresses: []netip.Addr{at.Addr()}, Auth: labels[meta+"auth"]}
	d.Facts.Name = labels[meta+"sysname"]
	return d, true
}
