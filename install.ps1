# Installs llmlb on Windows (x64), or a newer one over an old one:
#   irm https://github.com/llmlb/llmlb/releases/latest/download/install.ps1 | iex
# Nobody has tried it yet. Variables: LLMLB_VERSION, LLMLB_INSTALL_DIR (default: %LOCALAPPDATA%\Programs\llmlb), LLMLB_DOWNLOAD_URL,
# LLMLB_NO_MODIFY_PATH; LLMLB_UNINSTALL=1 removes llmlb, and models (~\.llmlb) stay.
# Nothing runs before the last line, so a script that was cut on its way does nothing.

function Install-Llmlb {
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue' # its bar makes Windows PowerShell's downloads many times slower
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

  $base = if ($env:LLMLB_DOWNLOAD_URL) { $env:LLMLB_DOWNLOAD_URL.TrimEnd('/') } else { 'https://github.com/llmlb/llmlb/releases' }
  $dir = if ($env:LLMLB_INSTALL_DIR) { $env:LLMLB_INSTALL_DIR } else { Join-Path $env:LOCALAPPDATA 'Programs\llmlb' }
  $version = "$env:LLMLB_VERSION" -replace '^v', ''
  if ($base -notmatch '^https?://') { throw 'LLMLB_DOWNLOAD_URL has to begin with https:// (or http://, for a mirror in your own network)' }
  if (-not [Environment]::Is64BitOperatingSystem) { throw 'llmlb needs a 64-bit Windows' }
  # Only a folder that holds llmlb, or nothing yet, is ever replaced or removed.
  if ((Test-Path $dir) -and -not (Test-Path (Join-Path $dir 'llmlb.exe'))) { throw "$dir is not a folder of llmlb: choose another with LLMLB_INSTALL_DIR" }

  if ($env:LLMLB_UNINSTALL) {
    if (Test-Path $dir) { Remove-Item -Recurse -Force $dir }
    Set-LlmlbPath $dir $false
    Write-Host "llmlb is removed; models and settings are still in $HOME\.llmlb"
    return
  }

  $staging = "$dir.new"
  $old = "$dir.old"
  if (-not (Test-Path $dir) -and (Test-Path $old)) { Move-Item $old $dir } # a swap that was cut short
  foreach ($left in $staging, $old) { if (Test-Path $left) { Remove-Item -Recurse -Force $left } }
  New-Item -ItemType Directory -Force $staging | Out-Null
  try {
    $sums = Join-Path $staging 'SHA256SUMS'
    $from = if ($version) { "$base/download/v$version" } else { "$base/latest/download" }
    Invoke-WebRequest -UseBasicParsing "$from/SHA256SUMS" -OutFile $sums
    $pattern = '^([0-9a-f]{64}) [ *](llmlb-(' + $(if ($version) { [regex]::Escape($version) } else { '[0-9][0-9A-Za-z.+-]*' }) + ')-windows-x64\.zip)$'
    $line = Get-Content $sums | Where-Object { $_ -match $pattern -and $_ -notmatch '-gpu-' } | Select-Object -First 1
    if (-not ("$line" -match $pattern)) { throw 'the release has nothing for windows-x64' }
    $wanted, $file, $version = $Matches[1], $Matches[2], $Matches[3]

    $zip = Join-Path $staging $file
    Invoke-WebRequest -UseBasicParsing "$base/download/v$version/$file" -OutFile $zip
    $got = (Get-FileHash -Algorithm SHA256 $zip).Hash.ToLowerInvariant()
    if ($got -ne $wanted) { throw "$file is not what the release says (sha256 $got, expected $wanted); nothing was installed" }
    Expand-Archive $zip $staging
    $fresh = Join-Path $staging "llmlb-$version-windows-x64"
    $said = & (Join-Path $fresh 'llmlb.exe') --version
    if ("$said" -ne "llmlb $version") { throw "the new llmlb does not run here (it said: $said); nothing was installed" }

    # Windows does not rename a folder from which a program runs: then the old one stays.
    if (Test-Path $dir) {
      try { Move-Item $dir $old } catch { throw "llmlb is running: stop it and install again" }
    }
    try { Move-Item $fresh $dir } catch { if (Test-Path $old) { Move-Item $old $dir }; throw }
    if (Test-Path $old) { Remove-Item -Recurse -Force $old }
  } finally {
    Remove-Item -Recurse -Force $staging
  }
  if (-not $env:LLMLB_NO_MODIFY_PATH) { Set-LlmlbPath $dir $true }
  Write-Host "llmlb $version is installed in $dir"
}

function Set-LlmlbPath([string] $dir, [bool] $present) {
  if ($env:GITHUB_PATH -and $present) { Add-Content -Encoding utf8 $env:GITHUB_PATH $dir; return }
  if ($env:CI) { return }
  # Read raw: the other entries keep their variables, such as %USERPROFILE%.
  $key = [Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Environment', $true)
  $before = $key.GetValue('Path', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
  $entries = @($before -split ';' | Where-Object { $_ -and $_ -ne $dir })
  if ($present) { $entries = @($dir) + $entries }
  $after = $entries -join ';'
  if ($after -ne $before) {
    $key.SetValue('Path', $after, [Microsoft.Win32.RegistryValueKind]::ExpandString)
    # Setting any variable through .NET tells the running programs that the environment has changed.
    [Environment]::SetEnvironmentVariable('LLMLB_PATH_CHANGED', $null, 'User')
  }
  $key.Close()
}

& { Install-Llmlb }
