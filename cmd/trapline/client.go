package main

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/engine"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// clientFlags say how to talk to one target, in the letters that Net-SNMP's commands use.
type clientFlags struct {
	version, community, user, level         *string
	authProtocol, authPassword              *string
	privProtocol, privPassword              *string
	context, contextEngine, timeout, source *string
	retries                                 *int
	repetitions                             *uint32
	host                                    *string
}

func addClientFlags(c *kingpin.CmdClause) *clientFlags {
	return &clientFlags{
		version:       c.Flag("snmp-version", "Version of SNMP: 1, 2c or 3.").Short('v').Default("2c").Enum("1", "2c", "2", "3"),
		community:     c.Flag("community", "Community (versions 1 and 2c).").Short('c').Default("public").String(),
		user:          c.Flag("user", "User name (version 3).").Short('u').String(),
		level:         c.Flag("level", "Security level: noAuthNoPriv, authNoPriv or authPriv.").Short('l').Default(engine.NoAuthNoPriv).String(),
		authProtocol:  c.Flag("auth-protocol", "MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512.").Short('a').Default("MD5").String(),
		authPassword:  c.Flag("auth-password", "Passphrase of the auth protocol.").Short('A').String(),
		privProtocol:  c.Flag("priv-protocol", "DES, AES, AES-192, AES-256, or AES-192-C, AES-256-C for Cisco's key extension.").Short('x').Default("DES").String(),
		privPassword:  c.Flag("priv-password", "Passphrase of the priv protocol.").Short('X').String(),
		context:       c.Flag("context", "Context name.").Short('n').String(),
		contextEngine: c.Flag("context-engine-id", "Context engine ID, in hexadecimal digits.").Short('E').String(),
		timeout:       c.Flag("timeout", "How long to wait for each answer: seconds, or a duration such as 500ms.").Short('t').Default("1").String(),
		retries:       c.Flag("retries", "How often to ask again.").Short('r').Default("5").Int(),
		repetitions:   c.Flag("repetitions", "Repetitions of a GETBULK.").Default("25").Uint32(),
		source:        c.Flag("source-address", "Address, or address:port, to send from.").String(),
		host:          c.Arg("target", "[udp|udp6|tcp:]host[:port]").Required().String(),
	}
}

// auth gives the credentials. Mistakes are the user's, in the flags.
func (f *clientFlags) auth() (*engine.Auth, error) {
	a := &engine.Auth{
		Version:       int((*f.version)[0] - '0'),
		Community:     setting.Secret(*f.community),
		SecurityLevel: *f.level,
		Username:      *f.user,
		Password:      setting.Secret(*f.authPassword),
		AuthProtocol:  protocolName(*f.authProtocol),
		PrivProtocol:  protocolName(*f.privProtocol),
		PrivPassword:  setting.Secret(*f.privPassword),
	}
	for _, known := range engine.SecurityLevels {
		if strings.EqualFold(known, *f.level) {
			a.SecurityLevel = known
		}
	}
	if m := a.Mistakes(); len(m) > 0 {
		return nil, fmt.Errorf("%s", m[0].Text)
	}
	return a, nil
}

// protocolName turns Net-SNMP's spelling into that of the file: SHA-256 into SHA256.
func protocolName(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "-", "")) }

func (f *clientFlags) spec() (engine.Spec, error) {
	auth, err := f.auth()
	if err != nil {
		return engine.Spec{}, err
	}
	source, err := poller.ParseSource(*f.source)
	if err != nil {
		return engine.Spec{}, err
	}
	id, err := hex.DecodeString(strings.TrimPrefix(*f.contextEngine, "0x"))
	if err != nil {
		return engine.Spec{}, fmt.Errorf("-E %s: %w", *f.contextEngine, err)
	}
	return engine.Spec{Address: *f.host, Auth: auth, Context: *f.context, ContextEngineID: string(id), Source: source}, nil
}

func (f *clientFlags) params() (engine.Params, error) {
	timeout, err := time.ParseDuration(*f.timeout)
	if seconds, bare := strconv.ParseFloat(*f.timeout, 64); bare == nil {
		timeout, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || timeout <= 0 {
		return engine.Params{}, fmt.Errorf("-t %s: write seconds, or a duration such as 500ms", *f.timeout)
	}
	return engine.Params{Timeout: setting.Duration{Duration: timeout}, Retries: f.retries, MaxRepetitions: f.repetitions}, nil
}

// target opens the session to the target of the flags.
func (f *clientFlags) target(logger *slog.Logger) (*engine.Engine, *engine.Target, engine.Params, error) {
	params, err := f.params()
	if err != nil {
		return nil, nil, params, err
	}
	spec, err := f.spec()
	if err != nil {
		return nil, nil, params, err
	}
	e := engine.New(engine.Options{Logger: logger})
	t, err := e.Target(spec)
	return e, t, params, err
}
