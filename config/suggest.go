package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"trapline/internal/access"
	"trapline/internal/cause"
	"trapline/internal/listen"
	"trapline/internal/modules"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/topology"
	"trapline/internal/traps"

	"gopkg.in/yaml.v3"

	"trapline/config/document"
)

// foreign maps our keys to the names that other programs have for them, or that people write from memory.
var foreign = map[string][]string{
	"addresses":         {"listen_addresses", "snmptrapdaddr", "bind", "listen_address"},
	"address":           {"host", "hostname", "ip", "ip_address", "addr", "target", "agent", "device", "server", "node", "endpoint", "instance", "destination"},
	"auth":              {"auths", "credentials", "authentication", "auth_name", "snmp_auth"},
	"auth_protocol":     {"auth_proto", "auth_type", "auth_algorithm", "authentication_protocol", "auth_hash"},
	"auths":             {"auth", "credentials", "communities", "snmp_auths", "authentication"},
	"community":         {"community_string", "community_name", "comm", "snmp_community", "read_community", "ro_community", "rocommunity"},
	"concurrency":       {"workers", "parallelism", "max_concurrency", "threads"},
	"context":           {"context_name", "snmp_context"},
	"context_engine_id": {"snmp_engineid", "engine_id"},
	"context_name":      {"context", "snmp_context"},
	"dirs":              {"dir", "path", "paths", "directory", "directories", "mib_dirs"},
	"engine_id":         {"engineid", "security_engine_id", "snmp_engineid"},
	"get":               {"gets", "oids", "scalars", "instances"},
	"help":              {"description", "desc", "comment"},
	"interval":          {"scrape_interval", "poll_interval", "polling_interval", "poll_every", "period", "every", "step", "frequency", "refresh_interval"},
	"labelname":         {"label", "name"},
	"max_repetitions":   {"max_reps", "max_rep", "repetitions", "bulk_size", "max_repeaters", "max_bulk"},
	"modules":           {"module", "snmp_modules"},
	"name":              {"id", "alias", "title"},
	"oid":               {"object", "object_id", "oids"},
	"password":          {"passphrase", "pass", "auth_password", "auth_passphrase", "auth_pass", "auth_key", "auth_secret", "authentication_password"},
	"password_file":     {"auth_password_file", "auth_passphrase_file", "passphrase_file"},
	"priv_password":     {"priv_passphrase", "priv_pass", "priv_key", "priv_secret", "privacy_password", "privacy_passphrase", "encryption_password"},
	"priv_protocol":     {"priv_proto", "priv_type", "priv_algorithm", "privacy_protocol", "privacy", "encryption_protocol", "encryption", "cipher"},
	"receivers":         {"notifiers", "trap_receivers", "trap_sinks", "sinks", "destinations", "traps"},
	"regex":             {"regexp", "pattern", "match"},
	"retries":           {"retry", "retry_count", "max_retries", "attempts"},
	"rule_files":        {"rules_files", "rule_file", "alert_rules", "alerting_rules"},
	"security_level":    {"level", "sec_level", "security"},
	"state_dir":         {"state_directory", "data_dir", "storage", "storage_path", "statedir", "db"},
	"targets":           {"hosts", "devices", "nodes", "agents"},
	"timeout":           {"scrape_timeout", "poll_timeout", "request_timeout", "timeout_seconds"},
	"type":              {"kind", "metric_type"},
	"url":               {"uri", "webhook_url", "endpoint", "link"},
	"username":          {"user", "security_name", "sec_name", "security_username", "login"},
	"version":           {"snmp_version", "protocol_version"},
	"walk":              {"walks", "subtrees", "tables", "bulkwalk"},
}

// elsewhere has advice for keys that belong to none of our settings, by the section that they stand in; "" is
// the top of the file.
var elsewhere = map[string]map[string]string{
	"targets": {
		"port":      "the port is part of the address: write address: HOST:PORT",
		"transport": "the transport is part of the address: write address: tcp:HOST:PORT",
		"protocol":  "the transport is part of the address: write address: tcp:HOST:PORT",
	},
	"receivers": {
		"port":      "the port is part of the address: write address: HOST:PORT",
		"transport": "the transport is part of the address: write address: udp6:HOST:PORT",
	},
	"discovery": {
		"refresh_interval": "it is a key of the source: csv: {files: [devices.csv], refresh_interval: 1m}",
	},
	"": {
		"groups":         "this is a file of rules: name it under rule_files in another file",
		"scrape_configs": "this belongs to Prometheus: write its jobs for snmp_exporter under discovery",
		"static_configs": "this belongs to Prometheus: write targets, each with an address and modules",
		"route":          "this belongs to Alertmanager: write receivers, each with an address or a url",
	},
}

// otherLists are Prometheus' kinds of lists that this program does not read, without _sd_configs.
var otherLists = strings.Fields("azure digitalocean docker dockerswarm ec2 eureka gce hetzner ionos kubernetes kuma lightsail linode " +
	"marathon nerve nomad openstack ovhcloud puppetdb scaleway serverset stackit triton uyuni vultr")

// sections are the settings that people confuse, each with its name in errors.
var sections = []struct {
	name  string
	place string
	t     reflect.Type
}{
	{"auths", "an auth", reflect.TypeFor[access.Auth]()},
	{"targets", "a target", reflect.TypeFor[poller.TargetSettings]()},
	{"global", "global", reflect.TypeFor[poller.Global]()},
	{"modules", "a module", reflect.TypeFor[modules.Settings]()},
	{"receivers", "a receiver", reflect.TypeFor[notify.ReceiverSettings]()},
	{"listen", "listen", reflect.TypeFor[listen.Settings]()},
	{"trap_rules", "a trap rule", reflect.TypeFor[traps.Settings]()},
	{"topology", "topology", reflect.TypeFor[topology.Settings]()},
	{"inhibit_rules", "an inhibit rule", reflect.TypeFor[cause.RuleSettings]()},
	{"notifications", "notifications", reflect.TypeFor[notify.Settings]()},
	{"", "the top of the file", reflect.TypeFor[Config]()},
}

// unknownKey returns the error of an unknown key, with the correction.
func unknownKey(key string, in document.Path, known []string) string {
	place, section := "at the top of the file", ""
	if len(in) > 0 {
		place, section = "in "+in.String(), in[0]
	}
	text := fmt.Sprintf("unknown key %.40q %s: ", key, place)
	if suggested := spelled(key, known); suggested != "" {
		return text + setting.Question(suggested)
	}
	if advice := elsewhere[section][key]; advice != "" && len(in) <= 2 {
		return text + advice
	}
	if suggested := ofAuth(key, section); suggested != "" && len(in) == 2 {
		return fmt.Sprintf("%s: %.40s belongs to an auth: auths: {lab: {%s: …}}, then auth: lab", in, key, suggested)
	}
	for _, ending := range []string{"s", "es"} {
		if slices.Contains(known, key+ending) {
			return text + setting.Question(key+ending)
		}
	}
	if section == "discovery" && key == "consul_sd_configs" {
		return text + "Consul is asked by its DNS: dns_sd_configs: [{names: [NAME.service.consul], type: SRV}]. For tags and metadata, have consul-template write a file for file_sd_configs, or a program serve http_sd_configs"
	}
	if section == "discovery" && slices.Contains(otherLists, strings.TrimSuffix(key, "_sd_configs")) {
		return text + "lists of this kind are not read: have a program write files for file_sd_configs, or serve http_sd_configs"
	}
	if advice := belongs(key, section); advice != "" && len(in) <= 2 {
		return text + advice
	}
	if question := setting.Question(nearestKey(key, known)); question != "" {
		return text + question
	}
	return text + "the keys there are " + strings.Join(known, ", ")
}

// spelled finds the known key that another program calls key.
func spelled(key string, known []string) string {
	for _, k := range known {
		if sameWord(k, key) {
			return k
		}
	}
	for _, k := range known {
		if slices.ContainsFunc(foreign[k], func(word string) bool { return sameWord(word, key) }) {
			return k
		}
	}
	return ""
}

// nearestKey finds the known key that is misspelled, be it by the name that another program has for it.
func nearestKey(key string, known []string) string {
	if near := setting.Nearest(key, known); near != "" {
		return near
	}
	for _, k := range known {
		if setting.Nearest(key, foreign[k]) != "" {
			return k
		}
	}
	return ""
}

// sameWord compares keys without regard to case, "_" and "-".
func sameWord(a, b string) bool {
	return strings.EqualFold(joined.Replace(a), joined.Replace(b))
}

var joined = strings.NewReplacer("_", "", "-", "")

// ofAuth returns the key of an auth that was written in a target or a receiver, "" if key is none.
func ofAuth(key, section string) string {
	if section != "targets" && section != "receivers" {
		return ""
	}
	keys, _ := document.Known(reflect.TypeFor[access.Auth]())
	return spelled(key, keys)
}

// belongs returns a description of the other settings that have a key, "" if none has it.
func belongs(key, section string) string {
	var places []string
	suggested := key
	for _, s := range sections {
		keys, _ := document.Known(s.t)
		k := spelled(key, keys)
		if s.name == section || k == "" || !slices.Contains(keys, key) && len(places) > 0 {
			continue
		}
		suggested = k
		places = append(places, s.place)
	}
	if len(places) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is a key of %s", suggested, strings.Join(places, " and of "))
}

type configSource = document.Source[Config]

// dialect is the part of errors that is specific to files of the configuration.
var dialect = document.Dialect{Unknown: unknownAt, Old: oldForm, OldText: oldFormText}

// unknownAt describes the error of an unknown key. A module at the top of the file belongs under modules.
func unknownAt(key string, value *yaml.Node, at document.Path, known []string) string {
	if len(at) == 0 && looksLikeModule(value) {
		return fmt.Sprintf("unknown key %.40q at the top of the file: write it under modules", key)
	}
	return unknownKey(key, at, known)
}
