package cli

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/api"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// TargetFlags are the flags of commands that talk to a target, which may be named as in the configuration or at a
// server.
type TargetFlags struct {
	Client    *ClientFlags
	authName  *string
	Files     *[]string
	ExpandEnv *bool
	server    *ServerFlags
	given     given
	Load      func() (*runtimeconfig.Config, error) // of the files, read once
}

// AddTargetFlags adds the flags, and the argument that names the target.
func AddTargetFlags(c *kingpin.CmdClause) *TargetFlags {
	f := &TargetFlags{server: AddServerFlags(c)}
	f.authName = c.Flag("auth", "Name of an auth of the configuration to talk with.").PlaceHolder("NAME").String()
	f.Files, f.ExpandEnv = AddConfigFlags(c)
	f.Client = AddClientFlags(c)
	f.given = noteGiven(c)
	f.Load = sync.OnceValues(func() (*runtimeconfig.Config, error) { return runtimeconfig.Load(*f.Files, *f.ExpandEnv, "") })
	return f
}

// given are the flags that the command line sets, by name.
type given map[string]*bool

func noteGiven(c *kingpin.CmdClause) given {
	g := given{}
	for _, flag := range c.Model().Flags {
		g[flag.Name] = new(bool)
		c.GetFlag(flag.Name).IsSetByUser(g[flag.Name])
	}
	return g
}

// place has the settings of a target of the configuration, which flags may override.
type place struct {
	auth       *access.Auth // nil: that of the flags
	overridden bool         // By flags
	given      given
	params     client.Params
	engine     string
}

// CredentialFlags are the flags of the settings of an auth.
var CredentialFlags = []string{"snmp-version", "community", "user", "level", "auth-protocol", "auth-password", "priv-protocol", "priv-password",
	"engine-id", "auth-master-key", "priv-master-key", "auth-localized-key", "priv-localized-key"}

// over returns the auth of the configuration, overridden by flags. Flags of another version of SNMP hold alone.
func (p *place) over(flags *access.Auth) *access.Auth {
	set := func(name string) bool { return *p.given[name] }
	if p.auth == nil || set("snmp-version") && flags.Version != p.auth.Version || set("community") && p.auth.Version == 3 {
		return flags
	}
	a := *p.auth
	for name, copied := range map[string]func(){
		"community":          func() { a.Community = flags.Community },
		"user":               func() { a.Username = flags.Username },
		"level":              func() { a.SecurityLevel = flags.SecurityLevel },
		"auth-protocol":      func() { a.AuthProtocol = flags.AuthProtocol },
		"auth-password":      func() { a.Password = flags.Password },
		"priv-protocol":      func() { a.PrivProtocol = flags.PrivProtocol },
		"priv-password":      func() { a.PrivPassword = flags.PrivPassword },
		"engine-id":          func() { a.EngineID = flags.EngineID },
		"auth-master-key":    func() { a.MasterKey = flags.MasterKey },
		"priv-master-key":    func() { a.PrivMasterKey = flags.PrivMasterKey },
		"auth-localized-key": func() { a.LocalizedKey = flags.LocalizedKey },
		"priv-localized-key": func() { a.PrivLocalizedKey = flags.PrivLocalizedKey },
	} {
		if set(name) {
			copied()
		}
	}
	return &a
}

// Known is the target that a name stands for.
type Known struct {
	Local  *poller.Target     // of the configuration; nil if it has none of that name
	At     *Remote            // the server that knows it; nil if none does
	Target *api.TargetSummary // as that server has it
}

// Find looks for the target of the command line in the configuration, then at the server. A name in neither is a
// host. Settings of a target of the configuration hold where no flag is set.
func (f *TargetFlags) Find(ctx context.Context, of *ClientFlags) (Known, error) {
	host := *of.Host
	if hasTransport(host) && *f.authName == "" {
		return Known{}, nil
	}
	w, err := f.configuration(host)
	if err != nil {
		return Known{}, err
	}
	if *f.authName != "" && w.Catalog.Auths[*f.authName] == nil {
		return Known{}, Usagef("no auth %q in %s%s", *f.authName, strings.Join(f.FilesOrStandard(), ", "), DidYouMean(*f.authName, slices.Sorted(maps.Keys(w.Catalog.Auths))))
	}
	if w != nil {
		t, list, err := InConfiguration(ctx, w, host)
		if err != nil {
			return Known{}, err
		}
		if t != nil {
			f.apply(of, t)
			f.announce(t, list)
		}
		if *f.authName != "" {
			of.place.auth, of.place.given, of.place.overridden = w.Catalog.Auths[*f.authName], f.given, f.overridden()
		}
		if t != nil {
			return Known{Local: t}, nil
		}
	}
	if hasTransport(host) || *f.authName != "" || f.overridden() {
		return Known{}, nil
	}
	return f.server.find(ctx, host)
}

// InConfiguration looks for a target in the files, then in lists, and returns which one has it. It returns nil if none has;
// lists that cannot be read are reported.
func InConfiguration(ctx context.Context, w *runtimeconfig.Config, name string) (t *poller.Target, list string, err error) {
	bounded, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	t, list, err = w.Target(bounded, name)
	if t == nil && err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(os.Stderr, human.Visible(strings.TrimSuffix(line, "\n")))
		}
		err = ctx.Err()
	}
	return t, list, err
}

// hasTransport reports whether a name begins as an address does that says how to get there: it is no target's.
func hasTransport(name string) bool {
	transport, _, ok := strings.Cut(name, ":")
	return ok && slices.Contains([]string{"udp", "udp4", "udp6", "tcp", "tcp4", "tcp6"}, transport)
}

// overridden reports whether flags say as whom to talk.
func (f *TargetFlags) overridden() bool {
	return slices.ContainsFunc(CredentialFlags, func(name string) bool { return *f.given[name] })
}

// configuration reads the files if the name may be in them, or an auth has to be. It returns nil if there are none.
func (f *TargetFlags) configuration(name string) (*runtimeconfig.Config, error) {
	named := len(*f.Files) > 0
	if !named && !runtimeconfig.AnyFile(f.FilesOrStandard()) && *f.authName == "" {
		return nil, nil
	}
	if files := f.FilesOrStandard(); *f.authName == "" && !runtimeconfig.Mentioned(files, name) && !runtimeconfig.Mentioned(files, "discovery:") {
		return nil, nil
	}
	w, err := f.Load()
	if err != nil && !named && *f.authName == "" {
		fmt.Fprintf(os.Stderr, "%s is not used, for it has errors: see trapline check\n", strings.Join(f.FilesOrStandard(), ", "))
		return nil, nil
	}
	return w, err
}

// FilesOrStandard returns the files of --config.file, else the standard ones.
func (f *TargetFlags) FilesOrStandard() []string { return runtimeconfig.Files(*f.Files) }

// apply sets the flags of one target to its settings in the configuration, where the command line does not.
func (f *TargetFlags) apply(of *ClientFlags, t *poller.Target) {
	of.place = place{auth: t.Spec.Auth, overridden: f.overridden(), given: f.given, params: t.EffectiveParams(), engine: t.Spec.Engine}
	of.Host = &t.Spec.Address
	take := func(flag string, into **string, value string) {
		if !*f.given[flag] && value != "" {
			*into = &value
		}
	}
	take("context", &of.context, t.Spec.Context)
	take("context-engine-id", &of.contextEngine, hex.EncodeToString([]byte(t.Spec.ContextEngineID)))
	take("source-interface", &of.device, t.Spec.Interface)
	if t.Spec.Source.IsValid() {
		take("source-address", &of.source, t.Spec.Source.String())
	}
	take("timeout", &of.timeout, cmp.Or(of.place.params.Timeout.Duration, client.DefaultTimeout).String())
	if !*f.given["retries"] {
		retries := client.DefaultRetries
		if of.place.params.Retries != nil {
			retries = *of.place.params.Retries
		}
		of.retries = &retries
	}
	if !*f.given["repetitions"] && of.place.params.MaxRepetitions != nil {
		of.repetitions = of.place.params.MaxRepetitions
	}
	unconnected := *of.unconnected || of.place.params.UseUnconnectedUDPSocket
	of.unconnected = &unconnected
}

// announce prints the target that was found, and the list that has it.
func (f *TargetFlags) announce(t *poller.Target, list string) {
	parts := []string{t.Spec.Address}
	if t.Spec.Address == t.Name {
		parts = nil
	}
	switch {
	case *f.authName != "":
		parts = append(parts, "auth "+*f.authName)
	case f.overridden():
		parts = append(parts, "credentials of the command line")
	default:
		parts = append(parts, "auth "+t.AuthName)
	}
	from := strings.Join(f.FilesOrStandard(), ", ")
	if list != "" {
		from = "the list " + list
	}
	fmt.Fprintf(os.Stderr, "%s: %s, from %s\n", human.Visible(t.Name), strings.Join(parts, ", "), from)
}

// lookupTime bounds how long a server may take to say whether it knows a name, before that is taken for a host.
const lookupTime = 2 * time.Second

// find asks the server for a target. One that does not answer knows none, unless the user named it.
func (f *ServerFlags) find(ctx context.Context, name string) (Known, error) {
	r, err := f.Open()
	if err != nil {
		return Known{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var t api.Target
	_, err = r.Get(bounded, "/api/v1/targets/"+url.PathEscape(name), nil, &t)
	if err == nil {
		fmt.Fprintf(os.Stderr, "%s: %s, asked by %s\n", t.Name, t.Address, r.Base.Redacted())
		return Known{At: r, Target: &t.TargetSummary}, nil
	}
	if of := (*Failure)(nil); f.Named() && errors.As(err, &of) && of.Status == ExitNoServer {
		return Known{}, err
	}
	return Known{}, ctx.Err()
}

// Meant adds to the error of a name that has no address the target that was probably meant.
func (f *TargetFlags) Meant(ctx context.Context, asked *ClientFlags, err error) error {
	var of *access.Error
	if !errors.As(err, &of) || of.Reason != access.Resolve {
		return err
	}
	var names []string
	if w, errLoad := f.Load(); errLoad == nil {
		names = LocalNames(ctx, w)
	}
	if r, errOpen := f.server.Open(); errOpen == nil {
		ctx, cancel := context.WithTimeout(ctx, lookupTime)
		defer cancel()
		names = append(names, r.targetNames(ctx)...)
	}
	return Usagef("%w%s", err, DidYouMean(*asked.Host, names))
}

// LocalNames are the names of targets of files and lists.
func LocalNames(ctx context.Context, w *runtimeconfig.Config) []string {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return w.TargetNames(ctx)
}

// Sessions opens sessions to targets for a poller.
func Sessions(e *client.Client) poller.Open {
	return func(s client.Spec) (collector.Session, error) { return e.Target(s) }
}
