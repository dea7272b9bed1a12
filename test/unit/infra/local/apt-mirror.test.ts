import { expect, test } from 'vitest'
import { findMirror, parseRelease, sourceText } from '../../../../infra/local/apt-mirror.ts'

const other = 'Types: deb\nURIs: https://packages.example.org/tools\nSuites: stable\nComponents: main\n'

test('finds the distribution in a .sources file, past comments, other sources and security', () => {
  const text = `# a comment
Types: deb
# http://snapshot.example.org
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
`
  expect(findMirror([other, text], 'bookworm')).toEqual({
    uri: 'http://mirror.example.org/debian',
    signedBy: '/usr/share/keyrings/debian.gpg',
  })
})

test('keeps a key that stands in the file itself', () => {
  const text = `Types: deb deb-src\nURIs: http://mirror.example.org/debian\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP\n .\n abc\n -----END PGP\n`
  expect(findMirror([text], 'trixie')?.signedBy).toBe('\n -----BEGIN PGP\n .\n abc\n -----END PGP')
})

test('finds the distribution in a .list file', () => {
  const text = `# deb http://off.example.org/ubuntu noble main
deb-src http://mirror.example.org/ubuntu noble main
deb [arch=amd64 signed-by=/usr/share/keyrings/ubuntu.gpg] http://mirror.example.org/ubuntu noble main universe
`
  expect(findMirror([text], 'noble')).toEqual({
    uri: 'http://mirror.example.org/ubuntu',
    signedBy: '/usr/share/keyrings/ubuntu.gpg',
  })
  expect(findMirror(['deb http://mirror.example.org/debian bookworm main\n'], 'bookworm')).toEqual({
    uri: 'http://mirror.example.org/debian',
  })
})

test('no source of the release, or a disabled one, is no mirror', () => {
  expect(findMirror([other, 'deb http://mirror.example.org/debian bookworm-updates main\n'], 'bookworm')).toBeUndefined()
  const disabled = 'Enabled: no\nTypes: deb\nURIs: http://mirror.example.org/debian\nSuites: bookworm\nComponents: main\n'
  expect(findMirror([disabled], 'bookworm')).toBeUndefined()
})

test('Debian has MySQL in sid, Ubuntu in its own release', () => {
  const mirror = { uri: 'http://mirror.example.org/x', signedBy: '/key.gpg' }
  expect(sourceText(mirror, { id: 'debian', codename: 'bookworm' })).toBe(
    'Types: deb\nURIs: http://mirror.example.org/x\nSuites: sid\nComponents: main\nSigned-By: /key.gpg\n',
  )
  expect(sourceText({ uri: mirror.uri }, { id: 'ubuntu', codename: 'noble' })).toBe(
    'Types: deb\nURIs: http://mirror.example.org/x\nSuites: noble noble-updates\nComponents: main universe\n',
  )
})

test('reads os-release with and without quotes', () => {
  expect(parseRelease('PRETTY_NAME="Debian"\nVERSION_CODENAME=bookworm\nID=debian\n')).toEqual({
    id: 'debian',
    codename: 'bookworm',
  })
  expect(parseRelease('ID_LIKE=debian\nID="ubuntu"\nVERSION_CODENAME="noble"\n')).toEqual({ id: 'ubuntu', codename: 'noble' })
})
