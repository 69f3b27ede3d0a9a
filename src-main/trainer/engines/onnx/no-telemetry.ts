/**
 * Imported before onnxruntime-node, whose builds for Linux and macOS send usage data to Microsoft and keep a device id in the home folder,
 * unless this is set before they are loaded (microsoft/onnxruntime#27379). What people do with Ganvas stays on their machine.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
