package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/modules"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
	"trapline/mibs"
	"trapline/mibs/smi"
)

func addSet(program *cli.Program) {
	c := program.App.Command("set", "Set objects of a target, all of them or none, and print what it answers. Only this command writes to devices: the server never does.")
	f := &setFlags{target: cli.AddTargetFlags(c), naming: cli.AddNameFlags(c)}
	f.words = c.Arg("object", "OID TYPE VALUE for each object, TYPE being one of i u c C t a o s x d b F D, or = for that of the object in its MIB. "+
		"Names of MIBs do as well as OIDs, labels of enumerations and of BITS as well as numbers, and with = a value may be written as its DISPLAY-HINT says.").Required().Strings()
	f.target.Hints(c)
	program.Commands[c.FullCommand()] = f.run
}

// setFlags are a target and the objects to set.
type setFlags struct {
	target *cli.TargetFlags
	naming cli.NameFlags
	words  *[]string
}

func (f *setFlags) run(ctx context.Context, logger *slog.Logger) error {
	tree := varbind.Names(sync.OnceValues(func() (*mibs.Tree, error) { return cli.AllMIBs(cli.SplitColons(*f.naming.Dirs), *f.words...) }))
	name, written := *f.target.Client.Host, slices.Clone(*f.words)
	list, err := f.objects(tree)
	if err != nil {
		return cli.Usage(err)
	}
	_, line, err := f.naming.Printing(written[:1])
	if err != nil {
		return cli.Usage(err)
	}
	k, err := f.target.Find(ctx, f.target.Client)
	if err != nil {
		return err
	}
	if k.At != nil {
		return cli.Usagef("%s is a target of the server at %s, which never writes: write its address, and a community or user that may set objects", name, k.At.Base.Redacted())
	}
	e, target, params, err := f.target.Client.Target(ctx, logger)
	if err != nil {
		return err
	}
	defer e.Close()
	answer, err := target.Set(ctx, params, list)
	if err != nil {
		return f.target.Meant(ctx, f.target.Client, refused(name, tree, list, written, err))
	}
	for _, v := range answer {
		fmt.Println(line(v))
	}
	return nil
}

// objects reads the words behind the target. The name of a scalar stands for its only instance.
func (f *setFlags) objects(names varbind.Names) ([]snmp.VarBind, error) {
	words := *f.words
	for i := 0; i < len(words) && len(words)%3 == 0; i += 3 {
		if !cli.IsName(words[i]) {
			continue
		}
		t, err := names()
		if err != nil {
			return nil, err
		}
		if found, err := modules.Instances(t, words[i]); err != nil {
			return nil, err
		} else if at := t.Object(found[0]); at.Node != nil {
			words[i] = at.String()
		}
	}
	return names.VarBinds(words)
}

// refusals explain an error-status to those who want to set an object (RFC 3416 section 4.2.5; those up to
// readOnly are of SNMPv1, RFC 1157 section 4.1.5), with the remedy.
var refusals = map[string]string{
	"tooBig":              "the request or its answer does not fit into a message: set fewer objects at once",
	"noSuchName":          "the device has no such object, or it cannot be set with this community",
	"badValue":            "the type or the value does not suit the object",
	"readOnly":            "the object cannot be set",
	"genErr":              "the device gives no reason",
	"noAccess":            "the object cannot be set with this community or user: use one that may write",
	"wrongType":           "the object has another type",
	"wrongLength":         "the value has a length that the object cannot have",
	"wrongEncoding":       "the device cannot read the value",
	"wrongValue":          "the object cannot have this value",
	"noCreation":          "there is no such instance, and none can be created",
	"inconsistentValue":   "the object cannot have this value at this time: other objects may have to be set before, or with it",
	"resourceUnavailable": "the device lacks memory or another resource that this takes",
	"commitFailed":        "the device could not carry it out, and undid it",
	"undoFailed":          "the device could not carry it out, and could not undo it: objects may have changed",
	"authorizationError":  "this community, user or security level may not do this",
	"notWritable":         "the object cannot be set, whoever asks",
	"inconsistentName":    "there is no such instance, and none can be created at this time: other objects may have to be set before, or with it",
}

// refused returns the error of a device that refuses an object, with the values that the MIBs allow.
func refused(target string, names varbind.Names, list []snmp.VarBind, written []string, err error) error {
	var refusal *client.SetError
	if !errors.As(err, &refusal) {
		return err
	}
	status, name, wanted := refusal.Status.String(), "objects", ""
	if refusal.Index >= 0 {
		name = written[3*refusal.Index]
		if t, err := names(); err == nil {
			if at := t.Object(list[refusal.Index].Name); at.Node != nil && at.Node.Syntax.Type != smi.Other {
				wanted = syntaxText(at.Node)
			}
		}
	}
	text := fmt.Sprintf("error setting %s of target %s: %s", name, target, status)
	if means := refusals[status]; means != "" {
		text += ": " + means
	}
	if wanted != "" && (strings.HasPrefix(status, "wrong") || status == "badValue") {
		text += " (" + wanted + ")"
	}
	if status != "undoFailed" {
		text += ". Nothing was changed."
	}
	return errors.New(text)
}

// syntaxText says which values an object may have.
func syntaxText(n *mibs.Node) string {
	text := n.Syntax.Type.String()
	if n.Syntax.TC != "" {
		text = n.Syntax.TC + ", " + text
	}
	var parts []string
	for _, l := range n.Syntax.Labels {
		parts = append(parts, fmt.Sprintf("%s(%d)", l.Name, l.Number))
	}
	for _, r := range n.Syntax.Ranges {
		if r.Low == r.High {
			parts = append(parts, fmt.Sprint(r.Low))
		} else {
			parts = append(parts, fmt.Sprintf("%d to %d", r.Low, r.High))
		}
	}
	if len(parts) == 0 {
		return text
	}
	if n.Syntax.Type == smi.OctetString && len(n.Syntax.Labels) == 0 {
		return text + " of " + strings.Join(parts, " or ") + " octets"
	}
	return text + ": " + strings.Join(parts, ", ")
}
