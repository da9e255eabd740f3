package config

import (
	"fmt"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"

	"trapline/config/document"
)

// Before version 0.23 of snmp_exporter, modules stood at the top of the file, and each had its own
// version and auth. Its generator.yml had the same in modules.

// oldForm returns the key that shows that a file is of that form, nil if none does.
func oldForm(tree *yaml.Node) *yaml.Node {
	tree = document.Target(tree)
	if tree == nil || tree.Kind != yaml.MappingNode {
		return nil
	}
	_, keys := document.Known(reflect.TypeFor[Config]())
	var first *yaml.Node
	for key, value := range document.Pairs(tree) {
		if _, ours := keys[key.Value]; ours {
			return oldModule(tree)
		}
		if first == nil && looksLikeModule(value) {
			first = key
		}
	}
	return first
}

func looksLikeModule(n *yaml.Node) bool {
	return ownValue(n, "walk") != nil || ownValue(n, "get") != nil || ownValue(n, "metrics") != nil
}

// ownValue returns the value of a key of a mapping. Unlike find, it does not follow <<, which in a tree that
// has not been checked may lead to itself.
func ownValue(n *yaml.Node, name string) *yaml.Node {
	if n = document.Target(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for key, value := range document.Pairs(n) {
		if key.Value == name {
			return document.Target(value)
		}
	}
	return nil
}

// oldModule returns the key of version or auth in a module under modules, nil if none has one.
func oldModule(tree *yaml.Node) *yaml.Node {
	modules := ownValue(tree, "modules")
	if modules == nil || modules.Kind != yaml.MappingNode {
		return nil
	}
	for _, module := range document.Pairs(modules) {
		if module = document.Target(module); module.Kind != yaml.MappingNode || !looksLikeModule(module) {
			continue
		}
		for key := range document.Pairs(module) {
			if isCredential(key) {
				return key
			}
		}
	}
	return nil
}

func isCredential(key *yaml.Node) bool { return key.Value == "version" || key.Value == "auth" }

func oldFormText(file string) string {
	return "this file has the form of snmp_exporter before 0.23: write the modules under modules, and their version and auth " +
		"as entries of auths; or convert it: trapline generate " + file + " > snmp.yml"
}

// converted returns an old file as if it were of the form of today.
func converted(old *configSource) *configSource {
	s := document.NewSource[Config](old.File, &dialect)
	tree := document.Target(old.Old)
	c := &conversion{source: s, auths: mapping(tree.Line), modules: mapping(tree.Line)}
	out := mapping(tree.Line)
	list := tree
	if modules := ownValue(tree, "modules"); modules != nil {
		list = modules
		for key, value := range document.Pairs(tree) {
			switch key.Value {
			case "auths":
				c.auths = document.Target(value)
			case "modules":
			default:
				out.Content = append(out.Content, key, value)
			}
		}
	}
	for key, value := range document.Pairs(list) {
		c.modules.Content = append(c.modules.Content, key, c.module(key.Value, value))
	}
	out.Content = append(out.Content, scalar("auths", tree.Line), c.auths, scalar("modules", tree.Line), c.modules)
	s.Tree = out
	s.Explain(nil)
	return s
}

// conversion is a file on its way to the form of today.
type conversion struct {
	source         *configSource
	auths, modules *yaml.Node
}

// module moves the credentials of a module to auths.
func (c *conversion) module(name string, value *yaml.Node) *yaml.Node {
	value = document.Target(value)
	if value.Kind != yaml.MappingNode {
		return value
	}
	kept, auth := mapping(value.Line), mapping(value.Line)
	for key, value := range document.Pairs(value) {
		switch {
		case key.Value == "version":
			auth.Content = append(auth.Content, key, value)
		case key.Value == "auth" && document.Target(value).Kind == yaml.MappingNode:
			auth.Content = append(auth.Content, document.Target(value).Content...)
		default:
			kept.Content = append(kept.Content, key, value)
		}
	}
	if used := c.auth(name, auth); used != defaultAuthName {
		c.source.Notes = append(c.source.Notes, fmt.Sprintf("%s: module %s was asked with what is now auth %s: scrape it with the parameter auth=%s", c.source.File, name, used, used))
	}
	return kept
}

const defaultAuthName = "public_v2"

// auth returns the name of a module's credentials in auths. It adds them if they are new.
func (c *conversion) auth(module string, auth *yaml.Node) string {
	name := module
	if community := ownValue(auth, "community"); community == nil || community.Value == "public" {
		switch version := ownValue(auth, "version"); {
		case len(auth.Content) > 4 || len(auth.Content) > 2 && community == nil:
		case version == nil || version.Value == "2":
			name = defaultAuthName
		case version.Value == "1":
			name = "public_v1"
		}
	}
	for key, value := range document.Pairs(c.auths) {
		if sameNode(value, auth) || key.Value == name && name != module {
			return key.Value
		}
		if key.Value == name {
			name += "_auth"
		}
	}
	c.auths.Content = append(c.auths.Content, scalar(name, auth.Line), auth)
	return name
}

// sameNode reports whether two values are alike. An alias is like itself only, for it may lead anywhere.
func sameNode(a, b *yaml.Node) bool {
	if a.Kind == yaml.AliasNode || b.Kind == yaml.AliasNode {
		return document.Target(a) == document.Target(b)
	}
	return a.Value == b.Value && a.Kind == b.Kind && slices.EqualFunc(a.Content, b.Content, sameNode)
}

func mapping(line int) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
}

func scalar(value string, line int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: line}
}
