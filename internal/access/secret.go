package access

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"trapline/internal/setting"
)

// SecretFiles caches the secret files of auths. It rereads a file that has changed, so that a
// secret can be rotated without a reload.
type SecretFiles struct {
	mu    sync.Mutex
	files map[string]secretFile
}

type secretFile struct {
	info os.FileInfo // from before the file was read
	text string
}

// read returns the content of a file without the trailing newline.
func (s *SecretFiles) read(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.files[path]; ok && unchanged(f.info, info) {
		return f.text, nil
	}
	b, err := readBounded(path)
	if err != nil {
		return "", err
	}
	if s.files == nil {
		s.files = map[string]secretFile{}
	}
	f := secretFile{info, strings.TrimRight(string(b), "\r\n")}
	s.files[path] = f
	return f.text, nil
}

// maxSecret is the maximum length of a secret in octets.
const maxSecret = 64 << 10

func readBounded(path string) ([]byte, error) {
	b, err := setting.ReadFile(path, maxSecret)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return b, nil
}

func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Secrets are the secrets of an auth, including those in files. auth and priv are the values of the
// settings used for the two keys.
type Secrets struct {
	Community, auth, priv string
}

// Secrets returns the secrets of the auth, those of files as they are at this time.
func (s *SecretFiles) Secrets(a *Auth) (c Secrets, err error) {
	if a.Version != 3 {
		c.Community, err = s.text(a.Community, a.CommunityFile)
		if err == nil && c.Community == "" && a.CommunityFile != "" {
			err = fmt.Errorf("%s is empty", a.CommunityFile)
		}
		return c, err
	}
	if a.SecurityLevel == NoAuthNoPriv {
		return c, nil
	}
	keys := a.authKeys()
	if c.auth, err = s.text(keys.used().text, keys.used().file); err != nil || a.SecurityLevel == AuthNoPriv {
		return c, err
	}
	keys = a.privKeys()
	c.priv, err = s.text(keys.used().text, keys.used().file)
	return c, err
}

// text returns the secret written in a setting, or the content of its file.
func (s *SecretFiles) text(written setting.Secret, file string) (string, error) {
	if file == "" {
		return string(written), nil
	}
	return s.read(file)
}
