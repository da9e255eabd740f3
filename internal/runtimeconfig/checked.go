package runtimeconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"trapline/config"
	"trapline/config/document"
	"trapline/internal/discovery"
	"trapline/internal/human"
	"trapline/internal/notify"
	"trapline/internal/rules"
	"trapline/internal/statedir"
)

// Check logs the doubtful parts of a configuration. It returns the errors.
func Check(files []string, expandEnv bool, logger *slog.Logger) error {
	w, err := Checked(files, expandEnv, "", logger)
	if err == nil {
		logger.Info("configuration parsed successfully", "auths", len(w.Config.Auths), "modules", len(w.Config.Modules), "targets", len(w.Targets))
	}
	return err
}

// Checked loads a configuration and logs its doubtful parts. The error counts the errors of the files, or is ErrRules. A member takes
// the place of the name in the files, if it is not empty.
func Checked(files []string, expandEnv bool, member string, logger *slog.Logger) (*Config, error) {
	w, err := Load(files, expandEnv, "")
	if found := (document.Problems)(nil); errors.As(err, &found) {
		return nil, fmt.Errorf("%w\n%s in the configuration", err, human.Counted(len(found), "error"))
	}
	if err != nil {
		return nil, err
	}
	w.Warn(logger, nil)
	if findings, err := w.Findings(); err != nil || slices.ContainsFunc(findings, rules.Finding.IsError) {
		return nil, cmp.Or(err, ErrRules)
	}
	for _, text := range DiskWarnings(w.Config) {
		logger.Warn("doubtful configuration", "text", text)
	}
	w.checkMember(member, logger)
	if w, err = w.withFiles(logger); err != nil {
		return nil, err
	}
	return w, nil
}

// withFiles returns the configuration with the targets of lists that are files, and logs which entries are none.
func (w *Config) withFiles(logger *slog.Logger) (*Config, error) {
	entries, all := discovery.Check(w.Lists())
	for _, text := range discovery.Doubts(all) {
		logger.Warn("doubtful list of targets", "text", text)
	}
	return w.With(entries, true)
}

// checkMember logs as which member this machine would start, and what keeps it from that.
func (w *Config) checkMember(member string, logger *slog.Logger) {
	if w.Config.Cluster == nil {
		return
	}
	c := *w.Config.Cluster
	c.Member = cmp.Or(member, c.Member)
	part := "would poll as a member of the cluster, and vote"
	if !c.Voter() {
		part = "would poll as a member of the cluster, without a vote"
		if c.Etcd == nil {
			part += ", which these have: " + strings.Join(c.Members, ", ")
		}
	}
	logger.Info("member of a cluster", "text", c.WithDefaults().Member+", this machine, "+part)
	for _, p := range c.Doubts(context.Background(), time.Now()) {
		logger.Warn("doubtful configuration", "text", "cluster."+p.Path+": "+p.Text)
	}
}

// DiskWarnings are about traps of SNMPv3, which receivers drop without a word where our boots were lost.
func DiskWarnings(c *config.Config) []string {
	if !slices.ContainsFunc(c.Receivers, func(r notify.ReceiverSettings) bool { return r.Type == "trap" && c.Auths[r.Auth].Version == 3 }) {
		return nil
	}
	return statedir.Warnings(c.StateDir)
}
